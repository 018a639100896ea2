from .curvature import Sharpness as Sharpness
from .curvature import sharpness as sharpness
from .range_test import RangeTest as RangeTest
from .range_test import lr_find as lr_find
