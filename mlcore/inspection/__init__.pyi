from .curvature import Sharpness as Sharpness
from .curvature import sharpness as sharpness
from .model_summary import LayerSummary as LayerSummary
from .model_summary import ModelSummary as ModelSummary
from .model_summary import summary as summary
from .range_test import RangeTest as RangeTest
from .range_test import lr_find as lr_find
