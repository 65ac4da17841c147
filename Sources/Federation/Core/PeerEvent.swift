package import Basics

/// What a peer tells whoever listens: the live view, the event log, traces, the simulator's checkers.
///
/// To add one: a case of `Kind` with its description and its example, all in this file, and the call of
/// `PeerCore.report` where it happens. Log, trace, terminal and the table in docs/formats.md follow from the description.
package struct PeerEvent: Sendable {
    /// When, on the peer's own clock.
    package var time: MonotonicTime
    /// What happened.
    package var kind: Kind

    package init(time: MonotonicTime, kind: Kind) {
        self.time = time
        self.kind = kind
    }

    /// The things that happen to a peer. Rounds are counted from zero; those with training come first, settling rounds
    /// after them.
    package enum Kind: Sendable, Hashable {
        /// The peer takes part from now on, beginning with `round`; `resumed` if it goes on from a checkpoint.
        case started(round: Int, resumed: Bool)
        /// What the peer trains on: `records` records, whose `tokens` tokens carry loss; `truncated` of them were cut at
        /// the cutoff, `leftOut` others have no response below it, `heldOut` more are kept for measuring.
        case trainsOn(records: Int, tokens: Int, truncated: Int, leftOut: Int, heldOut: Int)
        /// How long a round takes, local steps and exchange, as the last ones went, and how many with training are left.
        /// Told when it is known, and again when it has become another.
        case pace(round: Int, each: Duration, roundsLeft: Int)
        /// A round with training began.
        case roundStarted(round: Int)
        /// A round begins in which the peer does not train: it was not drawn, and passes on what it has.
        case relays(round: Int)
        /// The local steps of a round are done. `loss` is the mean over `tokens` tokens of `records` records.
        case trained(round: Int, loss: Double, tokens: Int, records: Int, duration: Duration)
        /// An adapter was measured on the peer's validation part: that with which `round` begins, or the `final` one. `best`
        /// says whether none before had less loss.
        case validated(round: Int, loss: Double, best: Bool, final: Bool)
        /// At the end the peer compared its `own` adapter with the common one on so many records of its validation
        /// part; it keeps the own one or not. In the categories `worse` the common one has more loss.
        case adapterKept(own: Bool, records: Int, ownLoss: Double, commonLoss: Double, worse: [String])
        /// The trainer failed; the round goes on with the adapter as it was before it.
        case trainingFailed(round: Int, reason: String)
        /// The round's contribution can be fetched by neighbours: `object` is its name, `norm` its Euclidean norm.
        case contributionPublished(round: Int, byteCount: Int, tensors: Int, norm: Double, object: String)
        /// The budget led to this level of compression: contributions to all neighbours take about `byteCount` bytes of the
        /// `budget` that the round has. Told when it is another, or when it begins or ceases to fit.
        case compressionChosen(round: Int, level: String, byteCount: Int, budget: Int, fits: Bool)
        /// The contribution was offered to a neighbour, which fetches it when it wants it.
        case contributionOffered(to: PeerID, round: Int, byteCount: Int, object: String)
        /// A neighbour has acknowledged `byteCount` bytes of the contribution's payload: all of them, or fewer where it is
        /// no longer served or the session ended. Once for each contribution and session. This is what really left.
        case contributionSent(to: PeerID, round: Int, byteCount: Int, tensors: Int, norm: Double, object: String)
        /// A neighbour asked for the contribution and has not acknowledged all of it: up to `byteCount` bytes more may have
        /// left. Told when it is no longer served or the session ended.
        case contributionUnconfirmed(to: PeerID, round: Int, byteCount: Int, object: String)
        /// A neighbour's contribution is here and passed the gate, or the slice of it that this peer averages; `object` is
        /// its name. So many bytes were fetched: none where it holds what this peer published itself.
        case contributionReceived(from: PeerID, round: Int, byteCount: Int, object: String)
        /// A neighbour's contribution is not mixed.
        case contributionRefused(from: PeerID, round: Int, byteCount: Int, reason: String)
        /// The adapter was mixed with those of the neighbours `present`. `disagreement` is the largest relative distance
        /// to one of them before mixing, `duration` the wait since the own contribution was published.
        case mixed(round: Int, disagreement: Double, present: [PeerID], absent: [PeerID], duration: Duration)
        /// The round's average cannot be made in slices: whole contributions are fetched and mixed as they come.
        case reductionGivenUp(round: Int, reason: String)
        /// What each neighbour's contribution counted in the average; told when it is not as it was told last.
        case shares(round: Int, [EventDescription.Share])
        /// Averaging LoRA factors in the place of their products loses the share `bias` of the average product, by layer
        /// `layers`; after mixing the peer lacks the share `left`, which is less where products are averaged.
        case factorBias(round: Int, bias: Double, left: Double, layers: [Double])
        /// What the peer gained in a round, as it measured it on its validation part, and the same on one kind of
        /// records.
        case gainMeasured(GainNews)
        case gainByCategory(GainNews, category: String)
        /// What another peer says that it gained; neighbours pass it on.
        case gainHeard(GainNews)
        /// What the peer itself gained in `round` was told to a neighbour, in so many bytes.
        case gainSent(to: PeerID, round: Int, byteCount: Int)
        /// The peer waits for `awaited`, for `left` more at most. `addresses` says where they are looked for; there was
        /// never a session with `unheard`; so many datagrams came that fit neither key, secret nor swarm.
        case waiting(
            round: Int, awaited: [PeerID], addresses: String, unheard: [PeerID], strangers: Int, left: Duration)
        /// The system refused to send to an address. Once for each address and reason.
        case sendRefused(address: String, reason: String)
        /// The name of a neighbour's host leads to an address, where it is looked for.
        case hostFound(PeerID, name: String, address: String)
        /// The name of a neighbour's host leads nowhere; it is looked up again. Once for each reason.
        case hostUnknown(PeerID, name: String, reason: String)
        /// A neighbour has other settings than this peer: its contributions are refused.
        case settingsDiffer(PeerID, reason: String)
        /// The peer had fallen behind and took the mean of its neighbours' adapters as its own; its own adapter is in the
        /// mean, or not where the swarm has agreed already.
        case caughtUp(from: Int, to: Int, donors: [PeerID], keptOwnWork: Bool)
        /// A neighbour that is there is not waited for any more: it missed so many deadlines, or took too much time.
        case givenUp(PeerID, round: Int, missed: Int)
        /// So many events of one kind about a neighbour were not told, because there were too many.
        case suppressed(PeerID, kind: String, count: Int)
        /// A session with a neighbour stands.
        case connected(PeerID)
        /// The association with a neighbour ended.
        case disconnected(PeerID, reason: String)
        /// Nothing of this neighbour is taken any more.
        case barred(PeerID, reason: String)
        /// The state is safe on disk: this peer goes on with `round` after a crash.
        case checkpointed(round: Int)
        /// The state could not be written; a crash goes back to the checkpoint before.
        case checkpointFailed(round: Int, reason: String)
        /// The disk takes no lines of the log or of the ledger: they wait.
        case logFailed(reason: String)
        /// It takes them again: what waited is written.
        case logResumed
        /// At the start a file of the state was damaged, and was passed over.
        case stateDamaged(reason: String)
        /// The peer goes on from a state of other settings, as it was told to: what differs, and what is made of it.
        case continued(reason: String)
        /// A settling round was mixed: `disagreement` as in `mixed`, which has to fall below `bound` everywhere.
        case settling(round: Int, disagreement: Double, bound: Double)
        /// The swarm agrees: the relative consensus distance is at most `bound`. Where the peer is `alone`, nobody has
        /// contradicted it.
        case settled(round: Int, bound: Double, alone: Bool)
        /// The neighbour denies in every settling round an agreement that this peer measures: it counts as if it were away.
        case denialPassedOver(PeerID, round: Int)
        /// The neighbour has finished with another adapter than most that have: it counts as if it were away.
        case finalPassedOver(PeerID, round: Int)
        /// The swarm did not agree within the number of settling rounds that its graph lets expect.
        case settlingLimitReached(round: Int, disagreement: Double)
        /// This peer has its final adapter; it serves its neighbours until they have theirs.
        case finished(round: Int)
        /// The peer took its leave; nothing follows.
        case left
        /// What went over the network so far.
        case traffic(PeerTraffic)
    }
}

extension PeerEvent.Kind {
    /// The event as everybody is told of it.
    package var described: EventDescription {
        switch self {
        case .started(let round, let resumed):
            .news("started", "begins with {round}; from a checkpoint: {resumed}", [.round(round), .resumed(resumed)])
        case .trainsOn(let records, let tokens, let truncated, let leftOut, let heldOut):
            .news(
                "trains_on",
                "trains on {records} records; cut: {truncated}, left out: {left_out}, held out: {held_out}",
                [
                    .records(records), .tokens(tokens),
                    .init("truncated", .integer(truncated), "records that were cut at the cutoff"),
                    .init("left_out", .integer(leftOut), "records without a response below the cutoff"),
                    .init("held_out", .integer(heldOut), "records that nobody trains on"),
                ])
        case .pace(let round, let each, let roundsLeft):
            .news(
                "pace",
                "{round}: a round takes about {seconds_each}; {rounds_left} more with training, about {seconds_to_go}",
                [
                    .round(round), .init("seconds_each", .duration(each), "how long a round takes, by the last ones"),
                    .init("rounds_left", .integer(roundsLeft), "rounds with training that are left"),
                    .init("seconds_to_go", .duration(each * roundsLeft), "how long these take at this pace"),
                ])
        case .roundStarted(let round):
            .detail("round_started", "{round}: the local steps begin", [.round(round)])
        case .relays(let round):
            .detail("relays", "{round}: others train; this peer passes on what it has", [.round(round)])
        case .trained(let round, let loss, let tokens, let records, let duration):
            .news(
                "trained", "{round}: loss {loss}, {seconds}",
                [.round(round), .loss(loss), .tokens(tokens), .records(records), .seconds(duration)])
        case .validated(let round, let loss, let isBest, let isFinal):
            .news(
                "validated",
                isFinal
                    ? "the final adapter has a validation loss of {validation_loss}; the best so far: {best}"
                    : "{round} begins with a validation loss of {validation_loss}; the best so far: {best}",
                [
                    .round(round),
                    .init(
                        "validation_loss", .number(loss), in: "nats a token",
                        "mean over the peer's validation part, of the adapter that the round begins with"),
                    .init("best", .flag(isBest), "whether no adapter before had less"),
                    .init("final", .flag(isFinal), "whether it is the adapter that the run ends with"),
                ])
        case .adapterKept(let keepsOwn, let records, let own, let common, let worse):
            .news(
                "adapter_kept",
                keepsOwn
                    ? "own adapter kept: loss {own_loss}, the common one has {common_loss}"
                    : "common adapter kept: loss {common_loss}, the own one has {own_loss}",
                [
                    .init(
                        "keeps_own", .flag(keepsOwn),
                        "whether the peer keeps its own adapter in place of the common one"),
                    .measured(records),
                    .init("own_loss", .number(own), in: "nats a token", "mean loss with the peer's own adapter"),
                    .init("common_loss", .number(common), in: "nats a token", "mean loss with the common adapter"),
                    .init(
                        "worse", .text(worse.joined(separator: ", ")),
                        "categories in which the common one has more loss"),
                ])
        case .trainingFailed(let round, let reason):
            .news(
                "training_failed", "{round}: training failed, the adapter stays as it was: {reason}",
                [.round(round), .reason(reason)])
        case .contributionPublished(let round, let byteCount, let tensors, let norm, let object):
            .detail(
                "contribution_published", "{round}: neighbours can fetch the own contribution, {bytes}",
                [.round(round), .bytes(byteCount), .tensors(tensors), .norm(norm), .digest(object)])
        case .compressionChosen(let round, let level, let byteCount, let budget, let fits):
            .news(
                "compression_chosen",
                fits
                    ? "{round}: contributions go out as {level} from now on"
                    : "{round}: contributions go out as {level} from now on, which is more than the budget allows",
                [
                    .round(round),
                    .init("level", .text(level), "the level of compression, as in `exchange.compression`"),
                    .init(
                        "bytes_planned", .bytes(byteCount), "what goes to all neighbours, about, where nothing is lost"),
                    .init("budget", .bytes(budget), "what a round may send"),
                    .init("fits", .flag(fits), "whether the budget is kept"),
                ])
        case .contributionOffered(let peer, let round, let byteCount, let object):
            .detail(
                "contribution_offered", "{round}: the contribution was offered to {neighbour}",
                [.neighbour(peer), .round(round), .bytes(byteCount), .digest(object)])
        case .contributionSent(let peer, let round, let byteCount, let tensors, let norm, let object):
            .detail(
                "contribution_sent", "{round}: {neighbour} has acknowledged {bytes} of the contribution",
                [
                    .neighbour(peer), .round(round), .bytes(byteCount), .tensors(tensors), .norm(norm),
                    .digest(object),
                ])
        case .contributionUnconfirmed(let peer, let round, let byteCount, let object):
            .detail(
                "contribution_unconfirmed", "{round}: {neighbour} has not acknowledged {bytes} of the contribution",
                [.neighbour(peer), .round(round), .bytes(byteCount), .digest(object)])
        case .contributionReceived(let peer, let round, let byteCount, let object):
            .detail(
                "contribution_received",
                "{round}: the contribution of {neighbour} passed the gate; {bytes} were fetched",
                [.neighbour(peer), .round(round), .bytes(byteCount), .digest(object)])
        case .contributionRefused(let peer, let round, let byteCount, let reason):
            .news(
                "contribution_refused", "{round}: the contribution of {neighbour} is not mixed: {reason}",
                [.neighbour(peer), .round(round), .bytes(byteCount), .reason(reason)])
        case .mixed(let round, let disagreement, let present, let absent, let duration):
            .news(
                "mixed", "{round}: mixed with {present}; absent: {absent}; largest distance {disagreement}",
                [
                    .round(round), .disagreement(disagreement), .present(present), .absent(absent),
                    .seconds(duration),
                ])
        case .reductionGivenUp(let round, let reason):
            .news(
                "reduction_given_up", "{round}: gossips, as the exact average of all cannot be had: {reason}",
                [.round(round), .reason(reason)])
        case .shares(let round, let shares):
            .detail("shares", "{round}: took {shares}", [.round(round), .shares(shares)])
        case .factorBias(let round, let bias, let left, let layers):
            .detail(
                "factor_bias", "{round}: averaging factors loses {bias} of the average product; the peer lacks {left}",
                [
                    .round(round),
                    .init(
                        "bias", .number(bias), in: "relative",
                        "what averaging A and B apart loses of the average of BA, by that average's norm"),
                    .init(
                        "left", .number(left), in: "relative",
                        "what the peer's adapter lacks of it after mixing: the same, or what its rank cannot hold"),
                    .init(
                        "layers", .numbers(layers), in: "relative",
                        "`bias` of each layer that carries an adapter, from the lowest"),
                ])
        case .gainMeasured(let gain):
            .news(
                "gain_measured",
                "{round}: loss {before}, {own} after own steps, {mixed} mixed; by neighbour: {with}",
                gain.fields)
        case .gainByCategory(let gain, let category):
            .detail(
                "gain_by_category",
                "{round}: {category} {before}, {own} by own steps, {mixed} mixed; neighbours: {with}",
                [.init("category", .text(String(category.prefix(64))), "which kind of records")] + gain.fields)
        case .gainHeard(let gain):
            .detail(
                "gain_heard",
                "{round}: {origin} tells {before}, {own} by own steps, {mixed} mixed; neighbours: {with}",
                [.init("origin", .peer(gain.origin), "who measured and signed it")] + gain.fields)
        case .gainSent(let peer, let round, let byteCount):
            .detail(
                "gain_sent", "{round}: {neighbour} was told what this peer gained: a count and mean losses, {message}",
                [.neighbour(peer), .round(round), .init("message", .bytes(byteCount), "bytes of a message")])
        case .waiting(let round, let awaited, let addresses, let unheard, let strangers, let left):
            .news(
                "waiting", "{round}: waits for {awaited} at {addresses}, {seconds_left} more at most; {heard}",
                [
                    .round(round), .init("awaited", .peers(awaited), "whose contributions are waited for"),
                    .init("addresses", .text(addresses), "where they are looked for, in the same order"),
                    .init("seconds_left", .duration(left), "how long they are waited for at most from now on"),
                    .init(
                        "heard", .text(Self.heard(of: awaited, unheard: unheard, strangers: strangers)),
                        "whether anything was ever heard of them, and of others, in words"),
                    .init("unheard", .peers(unheard), "those of them with whom there was never a session"),
                    .init(
                        "strangers", .integer(strangers),
                        "datagrams since the start that fit neither key, secret nor swarm"),
                ])
        case .sendRefused(let address, let reason):
            .news(
                "send_refused", "the system refuses to send to {address}: {reason}",
                [.init("address", .text(address), "where datagrams go"), .reason(reason)])
        case .hostFound(let peer, let name, let address):
            .news(
                "host_found", "{neighbour} at {name} is looked for at {address}",
                [
                    .neighbour(peer), .host(name), .init("address", .text(address), "where datagrams go"),
                ])
        case .hostUnknown(let peer, let name, let reason):
            .news(
                "host_unknown", "{neighbour} at {name} cannot be looked for, it is tried again: {reason}",
                [.neighbour(peer), .host(name), .reason(reason)])
        case .settingsDiffer(let peer, let reason):
            .news(
                "settings_differ", "{neighbour} has another topology file, its contributions are refused: {reason}",
                [.neighbour(peer), .reason(reason)])
        case .caughtUp(let from, let to, let donors, let keptOwnWork):
            .news(
                "caught_up",
                "fell behind to {from_round}; joins {round} with the mean of {donors}; own work kept: {own_work}",
                [
                    .init("from_round", .round(from), "the round in which the peer was"), .round(to),
                    .init("donors", .peers(donors), "the neighbours whose adapters' mean the peer took over"),
                    .init("own_work", .flag(keptOwnWork), "whether the own adapter is in the mean"),
                ])
        case .givenUp(let peer, let round, let missed):
            .news(
                "given_up", "{round}: {neighbour} is not waited for any more; deadlines missed: {missed}",
                [
                    .neighbour(peer), .round(round),
                    .init("missed", .integer(missed), "deadlines that the neighbour missed in a row"),
                ])
        case .suppressed(let peer, let kind, let count):
            .news(
                "suppressed", "{count} more events of the kind {kind} about {neighbour} were not written",
                [
                    .neighbour(peer), .init("kind", .text(kind), "the kind of event that there were too many of"),
                    .init("count", .integer(count), "how many were not told"),
                ])
        case .connected(let peer):
            .news("connected", "{neighbour} is connected", [.neighbour(peer)])
        case .disconnected(let peer, let reason):
            .news("disconnected", "{neighbour} is gone: {reason}", [.neighbour(peer), .reason(reason)])
        case .barred(let peer, let reason):
            .news(
                "neighbour_barred", "nothing of {neighbour} is taken any more: {reason}",
                [.neighbour(peer), .reason(reason)])
        case .checkpointed(let round):
            .detail("checkpointed", "the state to go on with {round} is safe on disk", [.round(round)])
        case .checkpointFailed(let round, let reason):
            .news(
                "checkpoint_failed", "the checkpoint for {round} was not written: {reason}",
                [.round(round), .reason(reason)])
        case .logFailed(let reason):
            .news("log_failed", "the disk takes no lines of log and ledger, they wait: {reason}", [.reason(reason)])
        case .logResumed: .news("log_resumed", "the disk takes the lines of log and ledger again", [])
        case .stateDamaged(let reason):
            .news("state_damaged", "a damaged file of the state was passed over: {reason}", [.reason(reason)])
        case .continued(let reason):
            .news("continued", "goes on from a state of other settings: {reason}", [.reason(reason)])
        case .settling(let round, let disagreement, let bound):
            .news(
                "settling", "{round}: largest distance {disagreement}, bound {bound}",
                [.round(round), .disagreement(disagreement), .bound(bound)])
        case .settled(let round, let bound, let isAlone):
            .news(
                "settled",
                isAlone
                    ? "{round}: nobody else was there to agree with; the adapter is this peer's own (bound {bound})"
                    : "{round}: the swarm agrees within {bound}", [.round(round), .bound(bound)])
        case .denialPassedOver(let peer, let round):
            .news(
                "denial_passed_over",
                "{round}: {neighbour} denies an agreement that is measured; the others agree without it",
                [.neighbour(peer), .round(round)])
        case .finalPassedOver(let peer, let round):
            .news(
                "final_passed_over",
                "{round}: {neighbour} has finished with another adapter than most; it is passed over",
                [.neighbour(peer), .round(round)])
        case .settlingLimitReached(let round, let disagreement):
            .news(
                "settling_limit_reached",
                "{round}: no agreement in time, largest distance {disagreement}; the adapter stays",
                [.round(round), .disagreement(disagreement)])
        case .finished(let round):
            .news("finished", "finished; serving neighbours that are not", [.round(round)])
        case .left: .news("left", "goodbye", [])
        case .traffic(let traffic):
            .detail("traffic", "{bytes_sent} sent, {bytes_received} received", traffic.fields)
        }
    }

    /// What is heard while a peer waits.
    private static func heard(of awaited: [PeerID], unheard: [PeerID], strangers: Int) -> String {
        let heard =
            unheard.isEmpty
            ? "there was a session before"
            : unheard.count == awaited.count ? "never heard" : "\(unheard.count) of them never heard"
        return heard + (strangers > 0 ? "; \(strangers) datagrams fit neither key, secret nor swarm" : "")
    }

    /// One event of every kind, in the order of the cases: for tables and tests.
    package static let examples: [PeerEvent.Kind] = {
        let ids = (1...3).map { PeerID(bytes: [UInt8](repeating: $0, count: PeerID.byteCount))! }
        let (peer, others) = (ids[0], Array(ids[1...]))
        let gain = GainNews(
            of: peer, round: 4, records: 32, before: 2.5, own: 2.25, mixed: 2,
            givers: others.map { EventDescription.Amount(peer: $0, amount: 2.125) })
        return [
            .started(round: 0, resumed: false),
            .trainsOn(records: 480, tokens: 21_600, truncated: 12, leftOut: 3, heldOut: 60),
            .pace(round: 2, each: .seconds(12), roundsLeft: 17), .roundStarted(round: 0),
            .relays(round: 0),
            .trained(round: 0, loss: 2.5, tokens: 640, records: 16, duration: .milliseconds(1250)),
            .validated(round: 1, loss: 2.25, best: true, final: false),
            .adapterKept(own: true, records: 60, ownLoss: 2.125, commonLoss: 2.25, worse: ["open_qa"]),
            .trainingFailed(round: 0, reason: "the adapter has values that are not finite"),
            .contributionPublished(round: 0, byteCount: 65_536, tensors: 8, norm: 1.5, object: "0a1b"),
            .compressionChosen(round: 0, level: "int8", byteCount: 262_144, budget: 300_000, fits: true),
            .contributionOffered(to: peer, round: 0, byteCount: 65_536, object: "0a1b"),
            .contributionSent(to: peer, round: 0, byteCount: 65_536, tensors: 8, norm: 1.5, object: "0a1b"),
            .contributionUnconfirmed(to: peer, round: 0, byteCount: 65_536, object: "0a1b"),
            .contributionReceived(from: peer, round: 0, byteCount: 65_536, object: "0a1b"),
            .contributionRefused(from: peer, round: 0, byteCount: 65_536, reason: "it is for another base model"),
            .mixed(round: 0, disagreement: 0.125, present: others, absent: [peer], duration: .seconds(2)),
            .reductionGivenUp(round: 0, reason: "somebody is away"),
            .shares(round: 0, others.map { EventDescription.Share(peer: $0, share: 0.25) }),
            .factorBias(round: 0, bias: 0.125, left: 0.125, layers: [0.25, 0.0625]),
            .gainMeasured(gain), .gainByCategory(gain, category: "open_qa"), .gainHeard(gain),
            .gainSent(to: peer, round: 4, byteCount: 107),
            .waiting(
                round: 0, awaited: [peer], addresses: "192.0.2.7:9100", unheard: [peer], strangers: 12,
                left: .seconds(40)),
            .sendRefused(address: "[2001:db8::7]:9100", reason: "network is unreachable"),
            .hostFound(peer, name: "ada.example:9100", address: "192.0.2.7:9100"),
            .hostUnknown(peer, name: "ada.example:9100", reason: "no address is known for the name ada.example"),
            .settingsDiffer(peer, reason: "model.lora.alpha: here 8, there 64"),
            .caughtUp(from: 0, to: 4, donors: others, keptOwnWork: true), .givenUp(peer, round: 5, missed: 3),
            .suppressed(peer, kind: "contribution_refused", count: 1_200), .connected(peer),
            .disconnected(peer, reason: "timedOut"),
            .barred(peer, reason: "its keys were revoked"), .checkpointed(round: 1),
            .checkpointFailed(round: 1, reason: "the disk is full"),
            .logFailed(reason: "no space left on device"), .logResumed,
            .stateDamaged(reason: "checkpoint.bin: the checkpoint was cut short or altered"),
            .continued(reason: "tuning.rounds was 4, is 8; the adapter is kept, the optimiser begins anew"),
            .settling(round: 9, disagreement: 0.5, bound: 0.25), .settled(round: 9, bound: 0.25, alone: false),
            .denialPassedOver(peer, round: 9), .finalPassedOver(peer, round: 9),
            .settlingLimitReached(round: 9, disagreement: 0.5), .finished(round: 9),
            .left,
            .traffic(
                PeerTraffic(
                    bytesSent: 1_000_000, bytesReceived: 2_000_000, datagramsSent: 900, datagramsReceived: 1_800,
                    packetsLost: 9, dropped: 1)),
        ]
    }()
}

/// Totals since the peer's process began.
package struct PeerTraffic: Sendable, Hashable {
    /// Bytes of datagrams handed to the network.
    package var bytesSent: UInt64
    /// Bytes of datagrams that arrived.
    package var bytesReceived: UInt64
    /// Datagrams handed to the network.
    package var datagramsSent: UInt64
    /// Datagrams that arrived.
    package var datagramsReceived: UInt64
    /// Sent packets that were declared lost.
    package var packetsLost: UInt64
    /// What arrived and was dropped, for whatever reason.
    package var dropped: UInt64

    package init(
        bytesSent: UInt64, bytesReceived: UInt64, datagramsSent: UInt64, datagramsReceived: UInt64,
        packetsLost: UInt64, dropped: UInt64
    ) {
        self.bytesSent = bytesSent
        self.bytesReceived = bytesReceived
        self.datagramsSent = datagramsSent
        self.datagramsReceived = datagramsReceived
        self.packetsLost = packetsLost
        self.dropped = dropped
    }

    fileprivate var fields: [EventDescription.Field] {
        func count(_ name: String, _ value: UInt64, _ meaning: String) -> EventDescription.Field {
            .init(name, .integer(Int(clamping: value)), meaning)
        }
        func bytes(_ name: String, _ value: UInt64, _ meaning: String) -> EventDescription.Field {
            .init(name, .bytes(Int(clamping: value)), meaning)
        }
        return [
            bytes("bytes_sent", bytesSent, "datagram payloads sent since the process began"),
            bytes("bytes_received", bytesReceived, "datagram payloads received since the process began"),
            count("datagrams_sent", datagramsSent, "datagrams sent since the process began"),
            count("datagrams_received", datagramsReceived, "datagrams received since the process began"),
            count("packets_lost", packetsLost, "sent packets that were declared lost"),
            count("dropped", dropped, "what arrived and was dropped, for whatever reason"),
        ]
    }
}
