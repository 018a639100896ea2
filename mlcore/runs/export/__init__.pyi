from .archive import to_zip as to_zip
from .described import described as described
from .mlflow import to_mlflow as to_mlflow
from .network import (
    exportable as exportable,
)
from .network import (
    to_model_folder as to_model_folder,
)
from .network import (
    to_model_zip as to_model_zip,
)
from .network import (
    to_onnx as to_onnx,
)
from .network import (
    trained_network as trained_network,
)
from .tables import (
    read_json as read_json,
)
from .tables import (
    to_csv as to_csv,
)
from .tables import (
    to_json as to_json,
)
from .tables import (
    to_parquet as to_parquet,
)
from .tensorboard import to_tensorboard as to_tensorboard
