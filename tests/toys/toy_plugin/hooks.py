"""What the toy plugin declares."""

from loki_bench.plugins.hookspecs import hookimpl
from loki_bench.plugins.search_space import FloatRange, IntRange
from loki_bench.plugins.specs import (
    AttackerSpec,
    ConditionalNeed,
    DatasetSpec,
    DefenseSpec,
    InfluenceEstimatorSpec,
    MetricSpec,
    RecommenderSpec,
)


@hookimpl
def loki_bench_datasets():
    return [
        DatasetSpec(name="toy", summary="Made up", target="toy_plugin.components:ToyData"),
    ]


@hookimpl
def loki_bench_recommenders():
    def declared(name, target, **more):
        return RecommenderSpec(
            name=name,
            summary="For tests",
            target=f"toy_plugin.components:{target}",
            uses_order=False,
            differentiable=False,
            **more,
        )

    walks = RecommenderSpec(
        name="walks",
        summary="For tests",
        target="toy_plugin.components:Walks",
        uses_order=True,
        differentiable=False,
        search=(IntRange("step", 0, 9), FloatRange("blur", 0.01, 1.0, log=True)),
    )
    weighted = RecommenderSpec(
        name="follows-weighted",
        summary="For tests",
        target="toy_plugin.robust:FollowsWeighted",
        uses_order=True,
        differentiable=False,
        takes_weights=True,
    )
    quiet = RecommenderSpec(
        name="follows-the-quiet",
        summary="For tests",
        target="toy_plugin.robust:FollowsTheQuiet",
        uses_order=True,
        differentiable=False,
        takes_noise=True,
    )
    shop = RecommenderSpec(
        name="shop",
        summary="Lists the best items alone",
        target="toy_plugin.components:Shop",
        uses_order=True,
        differentiable=False,
        answers="top-k",
        list_length="length",
    )
    return [
        walks,
        weighted,
        quiet,
        shop,
        declared("counts", "Counts"),
        declared("follows", "Follows", answers_sequences=True),
        declared("waits-once", "WaitsOnce"),
        declared("answers-nan", "AnswersNaN"),
        declared("remembers", "Remembers"),
        declared("keeps-what-it-sees", "KeepsWhatItSees"),
        declared("ignores-new-users", "IgnoresNewUsers"),
    ]


@hookimpl
def loki_bench_attackers():
    def declared(name, target, *needs, module="components", **more):
        return AttackerSpec(
            name=name,
            summary="For tests",
            target=f"toy_plugin.{module}:{target}",
            needs=frozenset({"history", *needs}),
            **more,
        )

    def cheat(name, target, *needs):
        return declared(name, target, *needs, module="cheats")

    return [
        declared("one-too-many-users", "OneTooManyUsers"),
        declared("one-too-many-events", "OneTooManyEvents"),
        declared("one-event-too-many", "OneEventTooMany"),
        declared("past-the-catalogue", "PastTheCatalogue"),
        declared("rubbish", "Rubbish"),
        declared("raises", "Raises"),
        declared("sleeps", "Sleeps"),
        declared("dies", "Dies"),
        declared("asks-surrogates", "AsksSurrogates", "surrogates"),
        declared("prepares", "Prepares", prepares=True),
        declared("prepares-objects", "PreparesObjects", prepares=True),
        declared("wants-queries", "Rubbish", "queries"),
        declared(
            "may-want-queries",
            "Chooses",
            needs_when=(ConditionalNeed(parameter="weights", value="fit", need="queries"),),
        ),
        AttackerSpec(
            name="wants-nothing",
            summary="For tests",
            target="toy_plugin.components:SeesNothing",
            needs=frozenset(),
        ),
        cheat("counts-its-cells", "CountsItsCells"),
        cheat("looks-around", "LooksAround"),
        cheat("looks-for-an-event", "LooksForAnEvent", "surrogates"),
        cheat("edits-view", "EditsView"),
        cheat("writes-to", "WritesTo"),
        cheat("asks", "Asks", "queries"),
        cheat("asks-of", "AsksOf", "sequence-queries"),
        cheat("asks-of-without", "AsksOf", "queries"),
        cheat("takes-memory", "TakesMemory"),
        cheat("leaves-a-process", "LeavesAProcess"),
        cheat("prints", "Prints"),
        declared("trains-the-victim", "TrainsTheVictim", module="seed_cheats"),
        declared("rolls-dice", "RollsDice", module="seed_cheats"),
    ]


@hookimpl
def loki_bench_metrics():
    return [
        MetricSpec(
            name="out-of-range",
            summary="For tests",
            target="toy_plugin.components:out_of_range",
            higher_is="neither",
            range=(0.0, 1.0),
            unit="share",
            purpose="attack",
        ),
        MetricSpec(
            name="mean-target-rank",
            summary="For tests: the lower, the better for an attack that promotes",
            target="toy_plugin.components:mean_target_rank",
            higher_is="better for the platform",
            range=(1.0, float("inf")),
            unit="rank",
            purpose="attack",
            former_names=("target-depth",),
        ),
        MetricSpec(
            name="shown-share",
            summary="For tests: a share of lists, which leave room for few targets",
            target="toy_plugin.components:shown_share",
            higher_is="better for the attacker",
            range=(0.0, 1.0),
            unit="share",
            purpose="attack",
            takes_k=True,
            ceiling="toy_plugin.components:shown_share_ceiling",
        ),
        MetricSpec(
            name="spread",
            summary="For tests: how far target ranks lie apart",
            target="toy_plugin.components:spread",
            higher_is="neither",
            range=(0.0, float("inf")),
            unit="rank",
            purpose="attack",
        ),
        MetricSpec(
            name="no-ceiling",
            summary="For tests: its ceiling is out of its range",
            target="toy_plugin.components:out_of_range",
            higher_is="neither",
            range=(0.0, 1.0),
            unit="share",
            purpose="attack",
            ceiling="toy_plugin.components:ceiling_of_two",
        ),
    ]


@hookimpl
def loki_bench_defenses():
    def declared(name, target):
        return DefenseSpec(name=name, summary="For tests", target=f"toy_plugin.components:{target}")

    def declared_robust(name, target, **more):
        target = f"toy_plugin.robust:{target}"
        return DefenseSpec(name=name, summary="For tests", target=target, **more)

    return [
        declared("drops-jumpers", "DropsJumpers"),
        declared("drops-long", "DropsLong"),
        declared("notes-what-it-sees", "NotesWhatItSees"),
        declared("drops-everybody", "DropsEverybody"),
        declared("looks-for-the-host", "LooksForTheHost"),
        declared("defense-sleeps", "DefenseSleeps"),
        declared("changes-the-data", "ChangesTheData"),
        declared_robust("weighs-jumps", "WeighsJumps", form="weights"),
        declared_robust("weighs-jumpers", "WeighsJumpers", form="weights"),
        declared_robust("trains", "Trains", form="training"),
        declared_robust("trains-weighing", "Trains", form="training", needs_weights=True),
        declared_robust("trains-in-noise", "Trains", form="training", needs_noise=True),
    ]


@hookimpl
def loki_bench_influence_estimators():
    return [
        InfluenceEstimatorSpec(
            name="counts-events",
            summary="For tests",
            target="toy_plugin.components:CountsEvents",
        ),
        InfluenceEstimatorSpec(
            name="answers-too-few",
            summary="For tests",
            target="toy_plugin.components:AnswersTooFew",
        ),
    ]
