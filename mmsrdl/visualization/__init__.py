"""Pictures of what a model sees, of how good it is, and of its data."""

from mmsrdl.visualization.ap_bars import draw_ap_bars
from mmsrdl.visualization.attention_panel import draw_attention_panel
from mmsrdl.visualization.choose_classes import choose_classes
from mmsrdl.visualization.context import draw_context
from mmsrdl.visualization.label_graph import draw_label_graph
from mmsrdl.visualization.label_statistics import draw_label_statistics
from mmsrdl.visualization.panel_files import panel_files
from mmsrdl.visualization.precision_recall_curves import draw_precision_recall_curves
from mmsrdl.visualization.reliability import draw_reliability
from mmsrdl.visualization.score_comparison import draw_score_comparison
from mmsrdl.visualization.sweep_curves import draw_sweep_curves
from mmsrdl.visualization.table_picture import draw_table

__all__ = [
    "choose_classes",
    "draw_ap_bars",
    "draw_attention_panel",
    "draw_context",
    "draw_label_graph",
    "draw_label_statistics",
    "draw_precision_recall_curves",
    "draw_reliability",
    "draw_score_comparison",
    "draw_sweep_curves",
    "draw_table",
    "panel_files",
]
