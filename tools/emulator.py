"""Starts ministack with a listing of objects that a bucket of hundreds of thousands can afford.

ministack orders every key of a bucket for every page of a thousand: a second each at 400,000 keys,
and a listing asks for 400 pages, several at once. Here the order is kept for as long as the keys
are the same. What a page holds is the same as before.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from ministack.app import main
from ministack.services import s3

Page = tuple[list[str], list[str], bool, str]
# Greater than whatever may follow a folder's name.
LAST = "\U0010ffff"


class Order:
    """The keys of a bucket, in order."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.known: frozenset[str] = frozenset()

    def of(self, objects: dict) -> list[str]:
        """Orders them anew only when they are others."""
        if self.known != objects.keys():
            self.known = frozenset(objects)
            self.keys = sorted(objects)
        return self.keys


# By the identity of a bucket's objects; another bucket with the same one has other keys.
orders: dict[int, Order] = {}


def rows(keys: list[str], prefix: str, delimiter: str, marker: str) -> Iterator[tuple[str, bool]]:
    """What is listed after the marker: keys, and folders in the place of all that is below them."""
    at = max(bisect_left(keys, prefix), bisect_right(keys, marker))
    while at < len(keys) and keys[at].startswith(prefix):
        key = keys[at]
        end = key.find(delimiter, len(prefix)) if delimiter else -1
        if end < 0:
            yield key, False
            at += 1
            continue
        folder = key[: end + len(delimiter)]
        # The marker is a folder where a page ended with one: all below it has been told.
        if folder > marker:
            yield folder, True
        at = bisect_right(keys, folder + LAST)


def page(objects: dict, prefix: str, delimiter: str, rows_max: int, marker: str) -> Page:
    """Keys, folders, whether there is more, and the marker of the next page."""
    keys = orders.setdefault(id(objects), Order()).of(objects)
    contents: list[str] = []
    folders: list[str] = []
    last = ""
    for row, is_folder in rows(keys, prefix, delimiter, marker):
        if len(contents) + len(folders) == rows_max:
            return contents, folders, True, last
        (folders if is_folder else contents).append(row)
        last = row
    return contents, folders, False, last


if __name__ == "__main__":
    s3._collect_list_entries = page  # noqa: SLF001 (the one place where a page is made)
    main()
