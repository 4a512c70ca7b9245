BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE bentos (
	id INTEGER NOT NULL, 
	uid VARCHAR(32) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	version VARCHAR(255) NOT NULL, 
	uri TEXT NOT NULL, 
	uri_type VARCHAR(32) NOT NULL, 
	bento_service_metadata JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	upload_status VARCHAR(32) NOT NULL, 
	status_updated_at DATETIME NOT NULL, 
	error_message TEXT NOT NULL, 
	owner VARCHAR(512) NOT NULL, 
	upload_expires_at DATETIME NOT NULL, 
	deleted BOOLEAN NOT NULL, 
	released BOOLEAN NOT NULL, 
	CONSTRAINT pk_bentos PRIMARY KEY (id), 
	CONSTRAINT uq_bentos_uid UNIQUE (uid)
);
INSERT INTO "bentos" VALUES(1,'c6c6b0d1639346ea9e0b9dcb32f8739c','Iris','1','/home/ann/bentoml/repository/Iris/1','LOCAL','{"name": "Iris", "version": "1", "createdAt": "2024-05-01T10:00:00.000000Z", "env": {"pythonVersion": "3.11.7", "dockerBaseImage": "", "pipPackages": ["numpy==1.26.4"]}, "artifacts": [{"name": "model", "artifactType": "PickleArtifact", "metadata": {"accuracy": 0.9}}], "apis": [{"name": "predict", "inputType": "JsonInput", "docs": "Predicts.", "outputType": "DefaultOutput", "mbMaxLatency": 1000, "mbMaxBatchSize": 10, "batch": true, "route": "predict"}]}','2024-06-01 09:42:58.239518','DONE','2024-06-01 09:42:58.279213','','laptop.a86e82fb8d4d.23630.4243220','2024-06-01 10:42:58.239518',0,0);
INSERT INTO "bentos" VALUES(2,'a225808196e84a658f8cd46e8182e175','Iris','2','/home/ann/bentoml/repository/Iris/2','LOCAL','{"name": "Iris", "version": "2", "createdAt": "2024-05-01T10:00:00.000000Z", "env": {"pythonVersion": "3.11.7", "dockerBaseImage": "", "pipPackages": ["numpy==1.26.4"]}, "artifacts": [{"name": "model", "artifactType": "PickleArtifact", "metadata": {"accuracy": 0.9}}], "apis": [{"name": "predict", "inputType": "JsonInput", "docs": "Predicts.", "outputType": "DefaultOutput", "mbMaxLatency": 1000, "mbMaxBatchSize": 10, "batch": true, "route": "predict"}]}','2024-06-01 09:42:58.379540','DONE','2024-06-01 09:42:58.407192','','laptop.a86e82fb8d4d.23630.4243220','2024-06-01 10:42:58.379540',1,1);
INSERT INTO "bentos" VALUES(3,'f941c0d2c3fb4e828dd7d4c1e11b9ab1','Wine','1','/home/ann/bentoml/repository/Wine/1','LOCAL','{"name": "Wine", "version": "1", "createdAt": "2024-05-01T10:00:00.000000Z", "env": {"pythonVersion": "3.11.7", "dockerBaseImage": "", "pipPackages": ["numpy==1.26.4"]}, "artifacts": [{"name": "model", "artifactType": "PickleArtifact", "metadata": {"accuracy": 0.9}}], "apis": [{"name": "predict", "inputType": "JsonInput", "docs": "Predicts.", "outputType": "DefaultOutput", "mbMaxLatency": 1000, "mbMaxBatchSize": 10, "batch": true, "route": "predict"}]}','2024-06-01 09:42:58.501630','DONE','2024-06-01 09:42:58.519220','','laptop.a86e82fb8d4d.23630.4243220','2024-06-01 10:42:58.501630',0,0);
INSERT INTO "bentos" VALUES(4,'73ec8f5297f04138852a7620d9c1e925','Iris','2','/home/ann/bentoml/repository/Iris/2','LOCAL','{"name": "Iris", "version": "2", "createdAt": "2024-05-01T10:00:00.000000Z", "env": {"pythonVersion": "3.11.7", "dockerBaseImage": "", "pipPackages": ["numpy==1.26.4"]}, "artifacts": [{"name": "model", "artifactType": "PickleArtifact", "metadata": {"accuracy": 0.9}}], "apis": [{"name": "predict", "inputType": "JsonInput", "docs": "Predicts.", "outputType": "DefaultOutput", "mbMaxLatency": 1000, "mbMaxBatchSize": 10, "batch": true, "route": "predict"}]}','2024-06-01 09:42:58.641016','DONE','2024-06-01 09:42:58.659182','','laptop.a86e82fb8d4d.23630.4243220','2024-06-01 10:42:58.641016',0,0);
CREATE TABLE labels (
	id INTEGER NOT NULL, 
	resource_type VARCHAR(32) NOT NULL, 
	resource_id INTEGER NOT NULL, 
	"key" VARCHAR(63) NOT NULL, 
	value VARCHAR(63) NOT NULL, 
	CONSTRAINT pk_labels PRIMARY KEY (id), 
	CONSTRAINT uq_labels_resource_type_resource_id_key UNIQUE (resource_type, resource_id, "key")
);
INSERT INTO "labels" VALUES(1,'bento',1,'team','vision');
INSERT INTO "labels" VALUES(2,'bento',1,'stage','prod');
INSERT INTO "labels" VALUES(3,'bento',2,'team','vision');
INSERT INTO "labels" VALUES(4,'bento',4,'team','audio');
CREATE TABLE locks (
	id INTEGER NOT NULL, 
	resource_id VARCHAR(511) NOT NULL, 
	lock_status VARCHAR(16) NOT NULL, 
	holder VARCHAR(32) NOT NULL, 
	owner VARCHAR(512) NOT NULL, 
	ttl DATETIME NOT NULL, 
	CONSTRAINT pk_locks PRIMARY KEY (id)
);
CREATE INDEX ix_bentos_listing ON bentos (deleted, upload_status, created_at, id);
CREATE INDEX ix_bentos_listing_by_name ON bentos (deleted, upload_status, name, created_at, id);
CREATE INDEX ix_bentos_unreleased ON bentos (deleted, released);
CREATE UNIQUE INDEX uq_bentos_live_tag ON bentos (name, version) WHERE deleted = 0;
CREATE INDEX ix_labels_lookup ON labels (resource_type, "key", value, resource_id);
CREATE INDEX ix_locks_resource_id ON locks (resource_id);
CREATE INDEX ix_locks_holder ON locks (holder);
COMMIT;
