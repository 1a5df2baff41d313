"""Pictures of what a model sees."""

from mmsrdl.visualization.attention_panel import draw_attention_panel
from mmsrdl.visualization.panel_files import panel_files

__all__ = ["draw_attention_panel", "panel_files"]
