from .archive import import_zip as import_zip
from .insertion import ImportRefusedError as ImportRefusedError
from .tensorboard import import_tensorboard as import_tensorboard
