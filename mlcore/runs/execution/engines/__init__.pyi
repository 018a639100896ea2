from .choice import Engine as Engine
from .choice import chosen as chosen
