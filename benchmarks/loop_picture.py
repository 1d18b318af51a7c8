"""The picture of the closed loop: each table's metric by month, of the first model and of the loop's, with alarms."""

from collections.abc import Mapping
from pathlib import Path

from benchmarks.loop_life import Life
from benchmarks.loop_truth import METRICS

COLUMNS, WIDTH, HEIGHT = 2, 5.6, 2.6  # inches, of a table


def draw(lives: Mapping[str, Life], path: Path) -> None:
    """Write the picture as PNG."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    rows = -(-len(lives) // COLUMNS)
    figure, axes = plt.subplots(rows, COLUMNS, figsize=(COLUMNS * WIDTH, rows * HEIGHT), squeeze=False)
    for axis, (name, life) in zip(axes.flat, lives.items(), strict=False):
        months = life.months
        sign = METRICS[months[0].metric][1]
        first = [month.first.value for month in months]
        loop = [month.first.value + sign * month.gain.value for month in months]
        places = range(len(months))
        axis.fill_between(
            places,
            [m.first.low for m in months],
            [m.first.high for m in months],
            color="#8c8c8c",
            alpha=0.2,
            linewidth=0,
        )
        axis.plot(places, first, color="#8c8c8c", marker="o", label="first model")
        axis.plot(places, loop, color="#1f6fb4", marker="o", label="loop’s model")
        low, high = axis.get_ylim()
        axis.set_ylim(low - 0.2 * (high - low), high)
        for place, month in enumerate(months):
            for row, (signal, colour) in enumerate((("data_drift", "#e0a030"), ("performance", "#c03030"))):
                if month.alarmed[signal]:
                    axis.plot(place, low - (0.06 + 0.08 * row) * (high - low), marker="^", color=colour)
            if month.merged:
                axis.axvline(place + 0.5, color="#1f6fb4", linestyle=":")
        axis.set_title(f"{name} ({months[0].metric})", fontsize=9)
        axis.set_xticks(list(places), [month.start for month in months], fontsize=7)
        axis.tick_params(axis="y", labelsize=7)
    for axis in axes.flat[len(lives) :]:
        axis.axis("off")
    figure.legend(handles=_handles(), loc="lower center", ncols=5, fontsize=8, frameon=False)
    figure.tight_layout(rect=(0, 0.03, 1, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _handles() -> list[object]:
    from matplotlib.lines import Line2D

    return [
        Line2D([], [], color="#8c8c8c", marker="o", label="first model, 95 % interval"),
        Line2D([], [], color="#1f6fb4", marker="o", label="loop’s model"),
        Line2D([], [], color="#e0a030", marker="^", linestyle="", label="data drift alarmed"),
        Line2D([], [], color="#c03030", marker="^", linestyle="", label="performance alarmed"),
        Line2D([], [], color="#1f6fb4", linestyle=":", label="retrained model serves"),
    ]
