"""The card's section on the project's features: a table, the graph of what is computed from what, and the state."""

from dataclasses import replace

from pipeline.features import plan
from pipeline.train.card import feature_table
from pipeline.train.card.limits import Evidence
from pipeline.train.stages.card import render
from tests.pipeline.features import made
from tests.pipeline.train.stages.test_card import evidence, settings

__all__ = ["evidence"]  # the fixture

SOURCE = '''
def ratio(amount, limit):
    """Amount over | limit, @everyone."""
    return amount / (limit + 1)

def against(ratio, city, state):
    return ratio - state.lookup(city, default=0.0)

def fit_against(ratio, city):
    return {name: ratio[city == name].max(where=ratio[city == name] > 0, initial=0.0) for name in ("Oslo", "Rome")}
'''


def test_the_section_shows_description_inputs_source_graph_and_state(evidence: Evidence) -> None:
    code = made.fitted(SOURCE)
    text = render(settings(), replace(evidence, code=code))
    section = text.partition("## Features of the project's code")[2].partition("## Feature importance")[0]
    lines = section.splitlines()
    assert (
        "| <code>ratio</code> | Amount over \\| limit, @&#8203;everyone. | <code>amount</code>, <code>limit</code> "
        "| <code>src/project/features/money.py\\:1</code> |"
    ) in lines
    assert (
        "| <code>against</code> | – | <code>ratio</code>, <code>city</code>; fitted on <code>ratio</code>, "
        "<code>city</code> | <code>src/project/features/money.py\\:5</code> |"
    ) in lines
    assert [line.strip() for line in lines if "-->" in line] == ["n0 --> n1", "n2 --> n1", "n1 --> n3", "n4 --> n3"]
    assert [line.strip() for line in lines if ":::" in line] == [
        'n0["amount"]:::column',
        'n1["ratio"]:::feature',
        'n2["limit"]:::column',
        'n3["against"]:::feature',
        'n4["city"]:::column',
    ]
    assert f"Version <code>{code.version}</code>" in section
    assert '{"Oslo": ' in section.replace("&#8203;", "").replace("\\", "")


def test_a_feature_that_is_off_is_named_so(evidence: Evidence) -> None:
    code = made.fitted(SOURCE)
    code = replace(code, plan=plan.make(code.package, made.NAMES, ["ratio"]))
    content = feature_table.content(code)
    assert content
    assert "| <code>ratio</code> (off) |" in content["table"]
    assert 'n1["ratio"]:::off' in content["graph"]


def test_a_card_without_features_has_no_such_section(evidence: Evidence) -> None:
    assert "Features of the project" not in render(settings(), evidence)
