"""Every part that lacks a rule. The simulation must find the broken promise of each, or it would find nothing.

Validator's rules, of the lease protocol:

1. counted from before the poll, less the drift, after the events, on a clock that suspend does not stop:
   CountsFromTheReply, KnowsNoDrift, TrustsBeforeItApplies, BelievesStaleReplies, StopsInSuspend; given back:
   BelievesRepliesAfterTheEnd, BeginsAnewWithWhatItKnew
2. deadline, then look-up: LooksUpFirst, TrustsAfterTheLease
3. events, fences, epochs, heads: DropsNothing, FencesNothing, FencesNoWorkspace, ResetsNothing, ResetsNoFlights,
   TakesANewEpochForTheOld, BelievesOtherEpochs, BelievesLaggingReplicas, ForgetsNoFlight; the issuer's part:
   ReadsTheKeyFirst
4. joining: JoinsWithoutALease, AsksForEach
5. a fork: ForksAsItIs, ForksWithItsLease. Inherited sockets and threads are real processes' only: the simulated world
   has neither
6. one thread, backing off: no promise but that it goes on; ``tests/core/test_follower.py`` has the real thread
7. a start in the dark: TrustsInTheDark. What counts as a definite answer is read by the transport, which is not
   simulated: ``tests/core/test_feed_client.py``
8. ``expires_in``: CountsFromTheAnswer, SharesForEver; and the ``ttl``: KeepsForEver

Issuer's rules:

1. one transaction, in order: PublishesBackwards, PublishesItsOwn. Durability (a power cut undoes nothing) is the real
   database's only: the simulated one loses nothing by its making
2. the snapshot: WaitsForRenewedEnds, WaitsForNewcomers, CountsTheDead, SnapshotsTooLittle, SnapshotsBeforeTheCommit,
   AcksOnDelivery, TakesAnyPollForAnAck, SaysSoAtTheCommit, SetsNoTimer
3. the restart: WaitsForNoCrash, EndsItsLifeAnyway, ForgetsTheGate, WaitsForItsOwnLease, ForgetsLongerLeases,
   BelievesTheBackup, ForgetsWhoWentAway, SweepsEarly. That a second process on the same database is refused
   is real processes' only
4. repeats: RepeatsAtOnce
5. receipts: CountsTheDead, ForgetsWhatIsUnfinished
6. sessions belong to a token: KnowsNoTokens. What an idle session costs is measured, not simulated
7. no date: there is none in the messages, nothing to leave out

The feed: SkipsTheParked, KeepsNoFloor, KnowsEveryEpoch, KeepsItsEpoch, IgnoresWhoGivesBack. That an unknown session is
reset breaks no promise when left out: whoever has applied all that was committed before this life began misses
nothing, and whoever has not is below the floor.
"""

from tests.simulation import core_mutants, feed_mutants, issuer_mutants, lease_mutants
from tests.simulation.world import Parts

MUTANTS = {
    **{core.__name__: (Parts(core=core), case) for core, case in core_mutants.MUTANTS.items()},
    **{core.__name__: (Parts(core=core), case) for core, case in feed_mutants.MUTANTS.items()},
    **{clock.__name__: (Parts(clock=clock), case) for clock, case in feed_mutants.CLOCKS.items()},
    **{leases.__name__: (Parts(leases=leases), case) for leases, case in lease_mutants.MUTANTS.items()},
    **{issuer.__name__: (Parts(issuer=issuer), case) for issuer, case in issuer_mutants.DRIVERS.items()},
    **{database.__name__: (Parts(database=database), case) for database, case in issuer_mutants.DATABASES.items()},
}
"""By name: the parts; the promise that the simulation must see broken, and what happens often meanwhile, if need be."""
