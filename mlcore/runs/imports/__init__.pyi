from .archive import import_zip as import_zip
from .by_content import import_content as import_content
from .by_content import import_path as import_path
from .following import follow as follow
from .foreign import ImportRefusedError as ImportRefusedError
from .tensorboard import import_tensorboard as import_tensorboard
