from sport_sdk import Candidate, Judgement, Step, verifier


def judge_one(candidate: Candidate) -> Judgement:
    if candidate.answer is None:
        return Judgement.failed(0.0, "it gave no answer")
    return Judgement.passed(1.0, "it gave an answer")


@verifier(deterministic=True)
def judge(step: Step) -> list[Judgement]:
    """Passes a candidate that gave an answer."""
    return [judge_one(candidate) for candidate in step.candidates]
