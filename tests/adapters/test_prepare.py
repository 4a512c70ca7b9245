"""What adapters load before a server says that it is ready."""

from __future__ import annotations

import subprocess
import sys


def test_dataframe_input_imports_pandas_only_when_prepared() -> None:
    code = (
        "import sys\n"
        "from bentoml.adapters import DataframeInput\n"
        "adapter = DataframeInput()\n"
        "before = 'pandas' in sys.modules\n"
        "adapter.prepare()\n"
        "print(before, 'pandas' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False True\n"


def test_image_input_imports_its_libraries_only_when_prepared() -> None:
    code = (
        "import sys\n"
        "from bentoml.adapters import ImageInput\n"
        "adapter = ImageInput()\n"
        "before = {'PIL', 'imageio', 'numpy'} & set(sys.modules)\n"
        "adapter.prepare()\n"
        "print(before, {'PIL', 'imageio', 'numpy'} <= set(sys.modules))\n"
        "from bentoml.service.inference_api import InferenceAPI\n"
        "from bentoml.types import HTTPRequest\n"
        "loaded = set(sys.modules)\n"
        "api = InferenceAPI(None, 'p', '', adapter, lambda image: 1)\n"
        "print(api.handle_request(HTTPRequest(body=b'no image')).status)\n"
        "print(sorted(name for name in set(sys.modules) - loaded if name.startswith('PIL')))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set() True\n400\n[]\n"
