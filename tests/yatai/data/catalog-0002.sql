BEGIN TRANSACTION;
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));
INSERT INTO "alembic_version" VALUES('0002');
CREATE TABLE alias_history (
	id INTEGER NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	alias VARCHAR(63) NOT NULL, 
	version VARCHAR(255), 
	changed_at DATETIME NOT NULL, 
	changed_by VARCHAR(255) NOT NULL, 
	CONSTRAINT pk_alias_history PRIMARY KEY (id)
);
INSERT INTO "alias_history" VALUES(1,'Iris','production','1','2026-11-28 13:18:02.750560','ann');
CREATE TABLE aliases (
	id INTEGER NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	alias VARCHAR(63) NOT NULL, 
	bento_id INTEGER NOT NULL, 
	updated_at DATETIME NOT NULL, 
	updated_by VARCHAR(255) NOT NULL, 
	CONSTRAINT pk_aliases PRIMARY KEY (id), 
	CONSTRAINT uq_aliases_name_alias UNIQUE (name, alias)
);
INSERT INTO "aliases" VALUES(1,'Iris','production',1,'2026-11-28 13:18:02.749235','ann');
CREATE TABLE audit (
	id INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	actor VARCHAR(255) NOT NULL, 
	action VARCHAR(64) NOT NULL, 
	resource_type VARCHAR(32) NOT NULL, 
	resource VARCHAR(511) NOT NULL, 
	detail JSON NOT NULL, 
	CONSTRAINT pk_audit PRIMARY KEY (id)
);
INSERT INTO "audit" VALUES(1,'2026-11-28 13:18:02.377079','ann','bundle.register','bundle','Iris:1','{"labels": {"stage": "prod", "team": "vision"}}');
INSERT INTO "audit" VALUES(2,'2026-11-28 13:18:02.468829','ann','bundle.register','bundle','Iris:2','{"labels": {"stage": "dev"}}');
INSERT INTO "audit" VALUES(3,'2026-11-28 13:18:02.579962','ann','bundle.register','bundle','Wine:1','{"labels": {}}');
INSERT INTO "audit" VALUES(4,'2026-11-28 13:18:02.614289','ann','bundle.delete','bundle','Iris:2','{}');
INSERT INTO "audit" VALUES(5,'2026-11-28 13:18:02.715948','ann','bundle.register','bundle','Iris:2','{"labels": {"team": "audio"}}');
INSERT INTO "audit" VALUES(6,'2026-11-28 13:18:02.749235','ann','alias.set','alias','Iris@production','{"version": "1", "before": null}');
CREATE TABLE bento_texts (
	bento_id INTEGER NOT NULL, 
	text TEXT NOT NULL, 
	CONSTRAINT pk_bento_texts PRIMARY KEY (bento_id)
);
INSERT INTO "bento_texts" VALUES(1,'iris:1
stage=prod
team=vision');
INSERT INTO "bento_texts" VALUES(2,'iris:2
stage=dev');
INSERT INTO "bento_texts" VALUES(3,'wine:1');
INSERT INTO "bento_texts" VALUES(4,'iris:2
team=audio');
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
	tree_digest VARCHAR(71), 
	size_bytes BIGINT, 
	created_by VARCHAR(255) DEFAULT '' NOT NULL, 
	deleted_at DATETIME, 
	deleted_by VARCHAR(255) DEFAULT '' NOT NULL, 
	purged BOOLEAN DEFAULT 0 NOT NULL, 
	CONSTRAINT pk_bentos PRIMARY KEY (id), 
	CONSTRAINT uq_bentos_uid UNIQUE (uid)
);
INSERT INTO "bentos" VALUES(1,'a9f83e4a2c3a436f93d38333140a6db9','Iris','1','/home/ann/bentoml/repository/Iris/1','LOCAL','{"name": "Iris", "version": "1", "createdAt": "2024-05-01T10:00:00.000000Z", "env": {"pythonVersion": "3.11.7", "dockerBaseImage": "", "pipPackages": []}, "artifacts": [{"name": "model", "artifactType": "PickleArtifact", "metadata": {"accuracy": 0.9}}], "apis": [{"name": "predict", "inputType": "JsonInput", "docs": "Predicts.", "outputType": "DefaultOutput", "mbMaxLatency": 1000, "mbMaxBatchSize": 10, "batch": true, "route": "predict"}]}','2026-11-28 13:18:02.347815','DONE','2026-11-28 13:18:02.375856','','laptop.a86e82fb8d4d.23630.4243220','2026-11-28 14:18:02.347815',0,0,'sha256:6d7a80453924a811abaa9dbf74a30bf46c51fcf55963c8cc3bb63727b442b682',1476,'ann',NULL,'',0);
INSERT INTO "bentos" VALUES(2,'3ae65e69754344678ebdc6e3bdff3a31','Iris','2','/home/ann/bentoml/repository/Iris/2','LOCAL','{"name": "Iris", "version": "2", "createdAt": "2024-05-01T10:00:00.000000Z", "env": {"pythonVersion": "3.11.7", "dockerBaseImage": "", "pipPackages": []}, "artifacts": [{"name": "model", "artifactType": "PickleArtifact", "metadata": {"accuracy": 0.9}}], "apis": [{"name": "predict", "inputType": "JsonInput", "docs": "Predicts.", "outputType": "DefaultOutput", "mbMaxLatency": 1000, "mbMaxBatchSize": 10, "batch": true, "route": "predict"}]}','2026-11-28 13:18:02.436107','DONE','2026-11-28 13:18:02.466341','','laptop.a86e82fb8d4d.23630.4243220','2026-11-28 14:18:02.436107',1,1,'sha256:791783c430aa2be6f68ff2fecf51111f7cc6f8cf8f9f02a94cbe3f992cb09170',1476,'ann','2026-11-28 13:18:02.613785','ann',0);
INSERT INTO "bentos" VALUES(3,'c690a29aafc04aeeb3cbd75821ea162f','Wine','1','/home/ann/bentoml/repository/Wine/1','LOCAL','{"name": "Wine", "version": "1", "createdAt": "2024-05-01T10:00:00.000000Z", "env": {"pythonVersion": "3.11.7", "dockerBaseImage": "", "pipPackages": []}, "artifacts": [{"name": "model", "artifactType": "PickleArtifact", "metadata": {"accuracy": 0.9}}], "apis": [{"name": "predict", "inputType": "JsonInput", "docs": "Predicts.", "outputType": "DefaultOutput", "mbMaxLatency": 1000, "mbMaxBatchSize": 10, "batch": true, "route": "predict"}]}','2026-11-28 13:18:02.555450','DONE','2026-11-28 13:18:02.579409','','laptop.a86e82fb8d4d.23630.4243220','2026-11-28 14:18:02.555450',0,0,'sha256:a691671b253d2ec3b1950a488944e8fe296304c66101649a02e9e1065365ea3e',1476,'ann',NULL,'',0);
INSERT INTO "bentos" VALUES(4,'a50d583027eb49f9a6d360ae600474b7','Iris','2','/home/ann/bentoml/repository/Iris/2','LOCAL','{"name": "Iris", "version": "2", "createdAt": "2024-05-01T10:00:00.000000Z", "env": {"pythonVersion": "3.11.7", "dockerBaseImage": "", "pipPackages": []}, "artifacts": [{"name": "model", "artifactType": "PickleArtifact", "metadata": {"accuracy": 0.9}}], "apis": [{"name": "predict", "inputType": "JsonInput", "docs": "Predicts.", "outputType": "DefaultOutput", "mbMaxLatency": 1000, "mbMaxBatchSize": 10, "batch": true, "route": "predict"}]}','2026-11-28 13:18:02.697356','DONE','2026-11-28 13:18:02.715265','','laptop.a86e82fb8d4d.23630.4243220','2026-11-28 14:18:02.697356',0,0,'sha256:791783c430aa2be6f68ff2fecf51111f7cc6f8cf8f9f02a94cbe3f992cb09170',1476,'ann',NULL,'',0);
CREATE TABLE blobs (
	digest VARCHAR(71) NOT NULL, 
	"key" VARCHAR(255) NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_blobs PRIMARY KEY (digest), 
	CONSTRAINT uq_blobs_key UNIQUE ("key")
);
INSERT INTO "blobs" VALUES('sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855','e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855.7e25ea45adc37a8a',0,'2026-11-28 13:18:02.366591');
INSERT INTO "blobs" VALUES('sha256:44f8354494a5ba03ba1792a8d3e9c534c47a9181980fde7a3f44b06ef2ae7c7f','44f8354494a5ba03ba1792a8d3e9c534c47a9181980fde7a3f44b06ef2ae7c7f.55c0a11572301653',1000,'2026-11-28 13:18:02.366591');
INSERT INTO "blobs" VALUES('sha256:5db028e2723bc88cf5657f92b784f28683657f7459caf7f0c54299bf6cb4b3fc','5db028e2723bc88cf5657f92b784f28683657f7459caf7f0c54299bf6cb4b3fc.af16a2c74cad1886',12,'2026-11-28 13:18:02.366591');
INSERT INTO "blobs" VALUES('sha256:e40927005e585d5e67109562d5ec6eeef3c0fbd1a7aa94f51aa65a444072dcf3','e40927005e585d5e67109562d5ec6eeef3c0fbd1a7aa94f51aa65a444072dcf3.29ef3775d0b2ad1e',454,'2026-11-28 13:18:02.366591');
INSERT INTO "blobs" VALUES('sha256:a8076d3d28d21e02012b20eaf7dbf75409a6277134439025f282e368e3305abf','a8076d3d28d21e02012b20eaf7dbf75409a6277134439025f282e368e3305abf.b12cb3d3a31f04d1',10,'2026-11-28 13:18:02.366591');
INSERT INTO "blobs" VALUES('sha256:275fdf82529a055558582dc6e92e71fd3b83845f1882b4eebb576e06bdc93db4','275fdf82529a055558582dc6e92e71fd3b83845f1882b4eebb576e06bdc93db4.ffaeff7d97867025',454,'2026-11-28 13:18:02.455539');
INSERT INTO "blobs" VALUES('sha256:8f3186c4f290ff07fee80c22df4df84453b4aa04a78ee5e0d0d70a54274633ea','8f3186c4f290ff07fee80c22df4df84453b4aa04a78ee5e0d0d70a54274633ea.0479c2d9865e6a2d',454,'2026-11-28 13:18:02.575892');
CREATE TABLE deployments (
	id INTEGER NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	namespace VARCHAR(255) NOT NULL, 
	operator VARCHAR(32) NOT NULL, 
	bento_name VARCHAR(255) NOT NULL, 
	bento_version VARCHAR(255) NOT NULL, 
	spec JSON NOT NULL, 
	state JSON NOT NULL, 
	annotations JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	last_updated_at DATETIME NOT NULL, 
	CONSTRAINT pk_deployments PRIMARY KEY (id), 
	CONSTRAINT uq_deployments_namespace_name UNIQUE (namespace, name)
);
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
INSERT INTO "labels" VALUES(3,'bento',2,'stage','dev');
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
CREATE TABLE sessions (
	hash VARCHAR(64) NOT NULL, 
	user_id INTEGER NOT NULL, 
	csrf VARCHAR(64) NOT NULL, 
	created_at DATETIME NOT NULL, 
	expires_at DATETIME NOT NULL, 
	CONSTRAINT pk_sessions PRIMARY KEY (hash)
);
CREATE TABLE tokens (
	id INTEGER NOT NULL, 
	user_id INTEGER NOT NULL, 
	label VARCHAR(255) NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	hint VARCHAR(16) NOT NULL, 
	role VARCHAR(16) NOT NULL, 
	patterns JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	last_used_at DATETIME, 
	expires_at DATETIME, 
	revoked_at DATETIME, 
	CONSTRAINT pk_tokens PRIMARY KEY (id), 
	CONSTRAINT uq_tokens_hash UNIQUE (hash)
);
CREATE TABLE trees (
	digest VARCHAR(71) NOT NULL, 
	document TEXT NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	files INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_trees PRIMARY KEY (digest)
);
INSERT INTO "trees" VALUES('sha256:6d7a80453924a811abaa9dbf74a30bf46c51fcf55963c8cc3bb63727b442b682','{"files":[{"executable":false,"path":"Iris/__init__.py","sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size_bytes":0},{"executable":false,"path":"Iris/artifacts/model.pkl","sha256":"44f8354494a5ba03ba1792a8d3e9c534c47a9181980fde7a3f44b06ef2ae7c7f","size_bytes":1000},{"executable":false,"path":"Iris/iris.py","sha256":"5db028e2723bc88cf5657f92b784f28683657f7459caf7f0c54299bf6cb4b3fc","size_bytes":12},{"executable":false,"path":"bentoml.yml","sha256":"e40927005e585d5e67109562d5ec6eeef3c0fbd1a7aa94f51aa65a444072dcf3","size_bytes":454},{"executable":true,"path":"run.sh","sha256":"a8076d3d28d21e02012b20eaf7dbf75409a6277134439025f282e368e3305abf","size_bytes":10}],"format":1}',1476,5,'2026-11-28 13:18:02.366591');
INSERT INTO "trees" VALUES('sha256:791783c430aa2be6f68ff2fecf51111f7cc6f8cf8f9f02a94cbe3f992cb09170','{"files":[{"executable":false,"path":"Iris/__init__.py","sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size_bytes":0},{"executable":false,"path":"Iris/artifacts/model.pkl","sha256":"44f8354494a5ba03ba1792a8d3e9c534c47a9181980fde7a3f44b06ef2ae7c7f","size_bytes":1000},{"executable":false,"path":"Iris/iris.py","sha256":"5db028e2723bc88cf5657f92b784f28683657f7459caf7f0c54299bf6cb4b3fc","size_bytes":12},{"executable":false,"path":"bentoml.yml","sha256":"275fdf82529a055558582dc6e92e71fd3b83845f1882b4eebb576e06bdc93db4","size_bytes":454},{"executable":true,"path":"run.sh","sha256":"a8076d3d28d21e02012b20eaf7dbf75409a6277134439025f282e368e3305abf","size_bytes":10}],"format":1}',1476,5,'2026-11-28 13:18:02.455539');
INSERT INTO "trees" VALUES('sha256:a691671b253d2ec3b1950a488944e8fe296304c66101649a02e9e1065365ea3e','{"files":[{"executable":false,"path":"Wine/__init__.py","sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size_bytes":0},{"executable":false,"path":"Wine/artifacts/model.pkl","sha256":"44f8354494a5ba03ba1792a8d3e9c534c47a9181980fde7a3f44b06ef2ae7c7f","size_bytes":1000},{"executable":false,"path":"Wine/iris.py","sha256":"5db028e2723bc88cf5657f92b784f28683657f7459caf7f0c54299bf6cb4b3fc","size_bytes":12},{"executable":false,"path":"bentoml.yml","sha256":"8f3186c4f290ff07fee80c22df4df84453b4aa04a78ee5e0d0d70a54274633ea","size_bytes":454},{"executable":true,"path":"run.sh","sha256":"a8076d3d28d21e02012b20eaf7dbf75409a6277134439025f282e368e3305abf","size_bytes":10}],"format":1}',1476,5,'2026-11-28 13:18:02.575892');
CREATE TABLE uploads (
	id VARCHAR(32) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	version VARCHAR(255) NOT NULL, 
	tree_digest VARCHAR(71) NOT NULL, 
	document JSON NOT NULL, 
	created_by VARCHAR(255) NOT NULL, 
	created_at DATETIME NOT NULL, 
	expires_at DATETIME NOT NULL, 
	CONSTRAINT pk_uploads PRIMARY KEY (id)
);
CREATE TABLE users (
	id INTEGER NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	role VARCHAR(16) NOT NULL, 
	patterns JSON NOT NULL, 
	password_hash TEXT, 
	disabled BOOLEAN NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_users PRIMARY KEY (id), 
	CONSTRAINT uq_users_name UNIQUE (name)
);
CREATE INDEX ix_audit_resource ON audit (resource_type, resource, id);
CREATE INDEX ix_audit_at ON audit (at, id);
CREATE INDEX ix_tokens_user_id ON tokens (user_id);
CREATE INDEX ix_sessions_user_id ON sessions (user_id);
CREATE INDEX ix_sessions_expires_at ON sessions (expires_at);
CREATE INDEX ix_bentos_tree_digest ON bentos (tree_digest);
CREATE INDEX ix_bentos_deleted ON bentos (deleted, purged, deleted_at);
CREATE INDEX ix_bentos_listing_by_name_newest ON bentos (deleted, upload_status, name, created_at DESC, id DESC);
CREATE INDEX ix_bentos_listing_by_name ON bentos (deleted, upload_status, name, created_at, id);
CREATE UNIQUE INDEX uq_bentos_live_tag ON bentos (name, version) WHERE deleted = 0;
CREATE INDEX ix_bentos_unreleased ON bentos (deleted, released);
CREATE INDEX ix_bentos_listing ON bentos (deleted, upload_status, created_at, id);
CREATE INDEX ix_labels_lookup ON labels (resource_type, "key", value, resource_id);
CREATE INDEX ix_aliases_bento_id ON aliases (bento_id);
CREATE INDEX ix_alias_history_name_alias ON alias_history (name, alias, id);
CREATE INDEX ix_locks_resource_id ON locks (resource_id);
CREATE INDEX ix_locks_holder ON locks (holder);
CREATE INDEX ix_blobs_created_at ON blobs (created_at);
CREATE INDEX ix_uploads_expires_at ON uploads (expires_at);
CREATE INDEX ix_uploads_tag ON uploads (name, version, tree_digest);
CREATE INDEX ix_deployments_bento ON deployments (bento_name, bento_version);
COMMIT;
