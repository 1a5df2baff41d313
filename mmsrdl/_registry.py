"""A registry whose scope also has MMPretrain's names."""

from importlib import import_module

from mmengine.registry import Registry

__all__ = ["ScopeRegistry"]


class ScopeRegistry(Registry):
    """Finds a name without a prefix among its own, then among MMPretrain's and MMEngine's.

    The configs of mmsrdl name MMPretrain's types without a prefix. Where they are inherited
    through ``_base_ = 'mmsrdl::...'``, MMEngine marks every dict with ``_scope_='mmsrdl'`` and
    looks its types up here.
    """

    def get(self, key: str) -> type | None:
        """Returns what is registered under a name, or None.

        Args:
            key: Name, with or without a scope before it.
        """
        self.import_from_location()
        if "." in key or key in self.module_dict or self.parent is None:
            return super().get(key)
        import_module("mmpretrain.registry")
        sibling = self.parent.children.get("mmpretrain")
        return super().get(key) if sibling is None else sibling.get(key)
