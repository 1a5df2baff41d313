"""The paper's Figure 6: mAP against the settings of object erasing."""
