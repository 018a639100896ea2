"""The settings of the regression page: a draft of the config and edits of the points."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from mlcore.regression import Dataset, RegressionConfig
from mlcore.ui.draft import Draft, as_text

KEY = "regression"
"""Where the draft's texts lie in the session; every widget's key begins with it."""
MOST_EDITS = 200
FARTHEST = 1e12
"""How far from 0 a point may be put by a link; its square still is far from float64's end."""
_CHOSEN = f"{KEY}.lr.chosen"  # whether the page chose the rate
_RIGHT = f"{KEY}.right"  # where the last draft without a fault lies
_NUMBER = r"(-?[0-9.]+(?:e[+-]?\d+)?)"
_EDIT = re.compile(rf"{_NUMBER}_{_NUMBER}|-([0-9]{{1,9}})")


@dataclass(frozen=True, slots=True)
class Edits:
    """Points added to a data set and removed from it by clicking.

    Attributes:
        added: Pairs (x, y).
        removed: Places in the data set; those from its length on are added points.
        unread: How many edits of a link were invalid and left out.
    """

    added: tuple[tuple[float, float], ...] = field(default=())
    removed: tuple[int, ...] = field(default=())
    unread: int = field(default=0, compare=False)

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)

    @classmethod
    def from_text(cls, text: str) -> Edits:
        """The inverse of ``as_text``; unreadable parts are left out and counted."""
        added, removed = [], []
        parts = text.split("!") if text else []
        for part in parts[:MOST_EDITS]:
            match = _EDIT.fullmatch(part)
            if match and match[3]:
                removed.append(int(match[3]))
            elif match:
                with suppress(ValueError):
                    pair = float(match[1]), float(match[2])
                    if all(abs(value) <= FARTHEST for value in pair):
                        added.append(pair)
        return cls(tuple(added), tuple(removed), len(parts) - len(added) - len(removed))

    def as_text(self) -> str:
        """The edits as text for the URL: ``50_20!-3`` adds (50, 20) and removes point 3."""
        return "!".join(
            [*(f"{x:g}_{y:g}" for x, y in self.added), *(f"-{i}" for i in self.removed)]
        )

    def apply(self, data: Dataset) -> Dataset:
        """The data set with these edits; x and y keep their names."""
        import torch

        if not self:
            return data
        more = torch.tensor(self.added, dtype=torch.float64).reshape(-1, 2)
        x, y = torch.cat([data.x, more[:, 0]]), torch.cat([data.y, more[:, 1]])
        keep = torch.ones(len(x), dtype=torch.bool)
        keep[[i for i in self.removed if i < len(x)]] = False
        return Dataset(x[keep], y[keep], data.x_name, data.y_name, data.notes)

    def original(self, place: int, size: int) -> int:
        """The index in the unedited data (of ``size`` points) of a point of the edited data."""
        kept = [i for i in range(size + len(self.added)) if i not in set(self.removed)]
        return kept[place]


def load() -> tuple[Draft, dict[str, str]]:
    """The draft of this session, or of a just opened link, and a sentence for each fault in it.

    Invalid fields are reset to their last valid values, so the draft always gives a picture.
    """
    refused: dict[str, str] = {}
    in_url = Draft.from_params(RegressionConfig, st.query_params.to_dict())
    typed: dict[str, str] | None = st.session_state.get(KEY)
    written: dict[str, str] | None = st.session_state.get(f"{KEY}.url")
    if typed is None or (in_url.texts and in_url.texts != written):
        typed = st.session_state[KEY] = dict(in_url.texts)
        st.session_state[f"{KEY}.url"] = dict(in_url.texts)
        read = Edits.from_text(st.query_params.get("points", ""))
        st.session_state[f"{KEY}.edits"] = read
        if read.unread:
            refused["points"] = (
                f"{read.unread:,} of this link's changes to the points cannot be read and were "
                "left out."
            )
        st.session_state[f"{KEY}.three"] = st.query_params.get("rates") == "three"
    draft, told = Draft(RegressionConfig, typed).sound(st.session_state.get(_RIGHT, {}))
    st.session_state[KEY] = st.session_state[_RIGHT] = dict(draft.texts)
    return draft, refused | told


def check(draft: Draft) -> tuple[RegressionConfig | None, dict[str, str]]:
    """The config of the draft, or None and one sentence for each wrong field."""
    config, problems = draft.check()
    return (config if isinstance(config, RegressionConfig) else None), problems


def save(draft: Draft) -> None:
    """Write all fields that differ from the defaults to the URL."""
    params = draft.params()
    wanted: dict[str, str] = dict(params)
    if edits():
        wanted["points"] = edits().as_text()
    if three():
        wanted["rates"] = "three"
    names = [spec.name for spec in RegressionConfig.specs()] + ["points", "rates"]
    for name in names:
        if name in wanted and st.query_params.get(name) != wanted[name]:
            st.query_params[name] = wanted[name]
        elif name not in wanted and name in st.query_params:
            del st.query_params[name]
    st.session_state[f"{KEY}.url"] = params


def choose_rate(draft: Draft, rate: float) -> Draft:
    """The draft with a rate chosen by the page, as the user has chosen none yet."""
    draft = draft.typed("lr", f"{rate:.3g}")
    st.session_state[KEY] = st.session_state[_RIGHT] = dict(draft.texts)
    st.session_state[_CHOSEN] = True
    return draft


def rate_was_chosen() -> bool:
    """Whether the page chose the rate."""
    return bool(st.session_state.get(_CHOSEN))


def edits() -> Edits:
    """The points added and removed."""
    found: Edits = st.session_state.get(f"{KEY}.edits", Edits())
    return found


def three() -> bool:
    """Whether a too small, the best and a too large rate are shown together."""
    return bool(st.session_state.get(f"{KEY}.three"))


def put(**fields: object) -> None:
    """Change fields of the draft; call it in a callback.

    A rate that the page chose for one problem is forgotten with the problem.
    """
    texts = {name: as_text(value) for name, value in fields.items()}
    known = dict(st.session_state.get(KEY, {}))
    if st.session_state.get(_CHOSEN) and not fields.keys() & {"lr", "start_w", "start_b"}:
        known.pop("lr", None)
    st.session_state[KEY] = {**known, **texts}
    if "lr" in fields:
        st.session_state[f"{KEY}.three"] = False
        st.session_state[_CHOSEN] = False
    if {"data", "count", "seed", "x_column", "y_column"} & fields.keys():
        st.session_state[f"{KEY}.edits"] = Edits()


def widget(name: str, value: object) -> str:
    """The key of a field's widget, its value set from the draft, as hidden widgets lose theirs.

    The widget takes ``persist_state="session"``; see ``mlcore.ui.widget_state``.
    """
    key = f"{KEY}.{name}"
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value
    return key


def taken(name: str) -> Callable[[], None]:
    """The callback that copies a widget's value to the draft."""

    def take() -> None:
        value: Any = st.session_state[f"{KEY}.{name}"]
        if value is not None:
            put(**{name: value})

    return take


def edit(change: dict[str, Any], size: int) -> None:
    """Apply a click on the data; call it in a callback.

    Args:
        change: ``{"add": [x, y]}`` or ``{"remove": place in the edited data}``.
        size: Number of points before edits.
    """
    now = edits()
    if "add" in change and len(now.added) < MOST_EDITS:
        x, y = (float(v) for v in change["add"])
        now = Edits((*now.added, (x, y)), now.removed)
    elif "remove" in change:
        place = now.original(int(change["remove"]), size)
        now = Edits(now.added, (*now.removed, place))
    st.session_state[f"{KEY}.edits"] = now


def show_three() -> None:
    """Show three rates or one again; call it in a callback."""
    st.session_state[f"{KEY}.three"] = not three()
