"""Pictures of what a model sees."""

from mmsrdl.visualization.attention_panel import draw_attention_panel

__all__ = ["draw_attention_panel"]
