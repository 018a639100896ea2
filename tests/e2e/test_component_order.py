"""What reaches a component's module out of order."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from mlcore.ui.common.assets import asset

pytestmark = pytest.mark.browser


def test_older_data_are_skipped_and_those_of_a_new_session_drawn(tab: Page) -> None:
    tab.goto("about:blank")
    drawn = tab.evaluate(
        asset("common/in_order.js")
        + """
        ;(() => {
          const drawn = [], roots = [{}, {}]
          const draw = inOrder(({data}) => { drawn.push(data?.x); return () => data?.x })
          const call = (x, session, number, root = 0) =>
            draw({data: {x, mlcore_order: [session, number]}, parentElement: roots[root]})
          const left = [call(1, 'a', 1), call(3, 'a', 3), call(2, 'a', 2), call(4, 'a', 3)]
          call(5, 'b', 1); call(6, 'a', 1, 1); draw({parentElement: roots[0]})
          return [drawn, left.map(leave => leave?.() ?? null)]
        })()"""
    )

    assert drawn == [[1, 3, 4, 5, 6, None], [1, 3, None, 4]]
