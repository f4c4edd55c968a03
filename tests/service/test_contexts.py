"""Reading contexts: one person, one session, one study and its priors, for half an hour."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update

from sidecar.gate.actor import Actor, system_actor
from sidecar.gate.scope import Scopes
from sidecar.kernel.clock import utc_now
from sidecar.kernel.errors import Missing
from sidecar.kernel.journal import JournalRow
from sidecar.studies import contexts
from sidecar.studies.tables import ReadingContext, Study
from tests.cast import Cast
from tests.factories.studies import make_study


def later(scopes: Scopes, **ahead: float) -> Scopes:
    return replace(scopes, clock=lambda: utc_now() + timedelta(**ahead))


def open_context(scopes: Scopes, actor: Actor, study_id: UUID) -> ReadingContext:
    with scopes.open(actor) as scope:
        return contexts.open_context(scope, study_id)


def resolve(scopes: Scopes, actor: Actor, context_id: UUID | str) -> ReadingContext:
    with scopes.open(actor) as scope:
        return contexts.look_in(scope, context_id).context


def test_it_lists_the_study_and_the_admissible_priors(cast: Cast, scopes: Scopes) -> None:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    prior = make_study(scopes, cast.mercy, reading=cast.nightowls, study_date="20250101")
    make_study(scopes, cast.mercy, study_date="20250601")  # never routed to the readers
    make_study(scopes, cast.mercy, reading=cast.nightowls, patient_id="P2")
    make_study(scopes, cast.luke, reading=cast.nightowls)  # another hospital's P1 is another person
    context = open_context(scopes, cast.reader.actor, study.id)
    assert context.study_ids == [study.id, prior.id]
    assert context.study_instance_uids == [study.uid, prior.uid]
    own = open_context(scopes, cast.own_radiologist.actor, study.id)
    assert len(own.study_ids) == 3


def test_opening_is_on_record_at_the_owner(cast: Cast, scopes: Scopes) -> None:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    context = open_context(scopes, cast.reader.actor, study.id)
    with scopes.open(system_actor(cast.mercy)) as scope:
        row = scope.session.scalars(select(JournalRow).where(JournalRow.kind == "studies.study.opened")).one()
    assert (row.study_id, row.actor_id, row.actor_organisation_id) == (study.id, cast.reader.user_id, cast.nightowls)
    assert str(context.id) in row.body
    assert "Doe" not in row.body


def test_only_its_own_user_in_the_same_session(cast: Cast, scopes: Scopes) -> None:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    context = open_context(scopes, cast.reader.actor, study.id)
    assert resolve(scopes, cast.reader.actor, str(context.id)).id == context.id
    others = [
        replace(cast.reader.actor, session="another"),
        replace(cast.reader.actor, session=""),
        replace(cast.second_reader.actor, session=cast.reader.actor.session),
        cast.own_radiologist.actor,
        cast.stranger.actor,
        system_actor(cast.nightowls),
    ]
    for actor in others:
        with pytest.raises(Missing):
            resolve(scopes, actor, context.id)
    for unknown in (uuid4(), "", "x", f"{context.id} "):
        with pytest.raises(Missing):
            resolve(scopes, cast.reader.actor, unknown)


def test_a_stranger_and_an_unknown_study_cannot_be_opened(cast: Cast, scopes: Scopes) -> None:
    study = make_study(scopes, cast.mercy)
    for actor, study_id in [(cast.reader.actor, study.id), (cast.stranger.actor, study.id), (cast.reader.actor, uuid4())]:
        with pytest.raises(Missing):
            open_context(scopes, actor, study_id)


def test_the_same_session_renews_its_context_and_its_list(cast: Cast, scopes: Scopes) -> None:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    first = open_context(scopes, cast.reader.actor, study.id)
    prior = make_study(scopes, cast.mercy, reading=cast.nightowls)
    again = open_context(later(scopes, minutes=10), cast.reader.actor, study.id)
    assert again.id == first.id
    assert again.study_ids == [study.id, prior.id]
    assert again.expires_at >= first.expires_at + timedelta(minutes=9)
    elsewhere = open_context(scopes, replace(cast.reader.actor, session="another"), study.id)
    assert elsewhere.id != first.id


def test_it_runs_out_unless_used(cast: Cast, scopes: Scopes) -> None:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    context = open_context(scopes, cast.reader.actor, study.id)
    end = context.expires_at
    assert resolve(later(scopes, seconds=50), cast.reader.actor, context.id).expires_at == end
    assert resolve(later(scopes, minutes=20), cast.reader.actor, context.id).expires_at > end + timedelta(minutes=19)
    assert resolve(later(scopes, minutes=45), cast.reader.actor, context.id)
    with pytest.raises(Missing):
        resolve(later(scopes, minutes=80), cast.reader.actor, context.id)


def test_it_ends_with_the_session_and_is_forgotten_when_it_ran_out(cast: Cast, scopes: Scopes) -> None:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    context = open_context(scopes, cast.reader.actor, study.id)
    colleague = open_context(scopes, cast.second_reader.actor, study.id)
    with scopes.open(cast.reader.actor) as scope:
        assert contexts.close_contexts(scope) == 1
    with pytest.raises(Missing):
        resolve(scopes, cast.reader.actor, context.id)
    assert resolve(scopes, cast.second_reader.actor, colleague.id)
    with later(scopes, hours=1).open(system_actor(cast.nightowls)) as scope:
        assert contexts.forget_expired(scope) == 1


def test_what_is_taken_away_is_hidden_in_open_contexts_too(cast: Cast, scopes: Scopes) -> None:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    prior = make_study(scopes, cast.mercy, reading=cast.nightowls)
    context = open_context(scopes, cast.reader.actor, study.id)

    def take_away(study_id: UUID) -> None:
        with scopes.open(system_actor(cast.mercy)) as scope:
            scope.session.execute(update(Study).where(Study.id == study_id).values(reading_organisation_id=None))

    take_away(prior.id)
    with scopes.open(cast.reader.actor) as scope:
        opened = contexts.look_in(scope, context.id)
        assert [each.id for each in opened.studies] == [study.id]
        with pytest.raises(Missing):
            opened.study(prior.uid)
    take_away(study.id)
    with pytest.raises(Missing):
        resolve(later(scopes, minutes=5), cast.reader.actor, context.id)
    with scopes.open(cast.reader.actor) as scope:
        assert contexts.close_contexts(scope) == 1
