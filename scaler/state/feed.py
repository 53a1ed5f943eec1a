"""One reflector's way into the catalogue, where several watch a namespace each."""

from kube.client.items import Key, Undecodable
from scaler.core.wire import Autoscaler
from scaler.state.catalogue import Catalogue


class Feed:
    """Passes everything on; of its own complete lists only the first counts for `synced`."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._listed = False

    def on_added(self, key: Key, item: Autoscaler | Undecodable) -> None:
        """A new object."""
        self._catalogue.on_added(key, item)

    def on_changed(self, key: Key, item: Autoscaler | Undecodable) -> None:
        """Another version of an object."""
        self._catalogue.on_changed(key, item)

    def on_deleted(self, key: Key) -> None:
        """The object is gone."""
        self._catalogue.on_deleted(key)

    def on_synced(self) -> None:
        """A complete list is in; a second one says nothing about the other reflectors'."""
        if not self._listed:
            self._listed = True
            self._catalogue.on_synced()
