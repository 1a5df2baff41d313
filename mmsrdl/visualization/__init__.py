"""Pictures of what a model sees."""

from mmsrdl.visualization.attention_panel import draw_attention_panel
from mmsrdl.visualization.panel_files import panel_files
from mmsrdl.visualization.reliability import draw_reliability

__all__ = ["draw_attention_panel", "draw_reliability", "panel_files"]
