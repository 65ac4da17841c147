import Adapters
package import Basics
import Cryptography
package import Federation
package import Foundation
import InstructionTuning
import LinearAlgebra
package import Observability
package import Recording
import Storage
import SwarmFile
import Transport
import Wire

/// One run of `murmur peer`: builds the peer, follows its events and ends it when it is asked to.
package struct PeerRun: Sendable {
    package let swarm: SwarmComposition
    package let name: String
    /// The file with the peer's keys.
    package let identityPath: String
    /// The folder that receives the adapter, the state and the logs.
    package let folder: URL
    /// Where it listens; nil for where the topology says.
    package var listening: NetworkAddress?
    /// A file with revoked keys that the swarm is told of.
    package var revocationPath: String?
    package var sources = SourceChoices()
    package var compute = ComputeChoices()
    /// Who trains; nil for whom the topology names.
    package var trainer: TrainerChoice?
    /// How events are told on standard output; nil for not at all.
    package var output: EventOutput? = .sentences
    /// Further listeners beside the log and the output.
    package var sinks: [any EventSink] = []
    /// Whether a supervisor holds standard input, whose end is a request to stop.
    package var isSupervised = false
    /// Where what the trainer returns is written down; nil for nowhere.
    package var recordings: RecordingFolder?
    /// When the local steps are made slower, for trials with faults.
    package var slownesses: [Slowness] = []
    /// What is done with the peer before it begins: tests make it dishonest.
    package var prepare: (@Sendable (Peer) async -> Void)?
    /// What is done about a state of other settings.
    package var resumption = ResumeChoice.refuse
    /// How many peers have to take part for the run to count as done, instead of what the topology says.
    package var quorum: Int?
    /// Whether the adapter is measured on the held-out records at the end.
    package var measuresHeldOut = false
    /// Whether the adapter of each round is kept beside the final one.
    package var keepsRounds = false

    package init(swarm: SwarmComposition, name: String, identityPath: String, folder: URL) {
        self.swarm = swarm
        self.name = name
        self.identityPath = identityPath
        self.folder = folder
    }

    /// Runs until the swarm is done or the peer is asked to leave.
    ///
    /// - Returns: what the run is worth: the process's exit code.
    package func run() async throws -> ExitStatus {
        let keys = try swarm.keys(of: name, in: identityPath)
        try ProcessLimits.requireOpenFiles(32, for: "a peer needs")
        // A supervisor that was killed leaves peers that leave a moment later; who starts the next ones waits for them.
        let lock = try await OutputFolder.peer.claim(folder.path, patience: isSupervised ? .seconds(20) : .zero)
        defer { withExtendedLifetime(lock) {} }
        let steps = StepTeller(peer: name)
        let choice = trainer ?? TrainerChoice(swarm.topology.trainer(of: name))
        let trainers = try choice.factory(
            for: swarm, own: name, sources: sources, compute: compute, folder: folder.path, stepped: steps.took)
        let tuner = try trainers.trainer(of: name)
        steps.localSteps = swarm.topology.tuning.resolved(records: tuner.sampleCount).localSteps
        var configuration = try await swarm.configuration(
            of: name, schema: trainers.schema, baseModelDigest: trainers.baseModelDigest,
            sampleCount: tuner.sampleCount)
        let settings = try trainers.settings(of: name)
        for entry in settings.shared { configuration.settings?.set(entry) }
        configuration.ownSettings = settings.own
        let (store, news) = try state(for: configuration)
        let endpoint = try await swarm.bind(name, at: listening, dropRate: sources.dropRate)
        // What the file says they know. A bound address that nobody has named may be one behind a router, or behind the relay
        // of `murmur chaos`, which would be passed by.
        let local = LocalPeer(keys, addresses: listening == nil ? [] : [endpoint.localAddress])
        let participation = try ParticipationSink(earlierParts(), of: swarm, name)
        let recorder = try EventRecorder(names: swarm.topology.names, name: name, folder: folder)
        var wire = WireConfiguration.attentive
        wire.suites = CipherSuite.ofThisMachine
        let adapter = adapterFile(of: trainers, records: tuner.sampleCount)
        let probing = try probed(tuner, by: trainers)
        let validating = try validated(probing, of: tuner, by: trainers)
        let floor = validating.flatMap(chooser)
        let latest = folder.appendingPathComponent("latest").path
        let rounds = keepsRounds ? RoundAdapters(in: folder, swarm.topology.tuning.rounds, adapter.provenance) : nil
        let keeper = AdapterOfCheckpoints(store, path: latest, rounds: rounds) { trainers.adapter(of: $0) }
        var environment = PeerEnvironment.system
        let isIPv6 = endpoint.localAddress.isIPv6
        environment.lookUp = { try await resolve(host: $0.host, port: $0.port, isIPv6: isIPv6) }
        let peer = try Peer(
            configuration: configuration, local: local, swarm: try swarm.secret(), wire: wire, endpoint: endpoint,
            trainer: try recorded(slowed(keeping(rounds, validating ?? probing, trainers)), configuration),
            store: keeper,
            revocations: try SwarmComposition.revocations(in: revocationPath), environment: environment,
            deliver: { [rounds = swarm.topology.tuning.rounds] delta in
                adapter.write(trainers.adapter(of: delta))
                try? await validating?.end(with: delta, round: rounds)
                await floor?.decide(common: delta, file: adapter) { trainers.adapter(of: $0) }
            })
        await prepare?(peer)
        let measuring = Measuring(validating: validating, floor: floor)
        let beginnings = [news, trainers.data(of: tuner)].compactMap { $0 }
        let run: (result: Peer.Result, ledgerGap: Int)
        do {
            try await tuner.begin()
            run = try await follow(peer, recorder, participation, steps, measuring, beginnings)
        } catch {
            await tuner.end()
            throw error
        }
        await tuner.end()
        try recordings?.close()
        if adapter.state == .written { keeper.end() }
        return try await conclude(run, participation, adapter, latest: latest, measuring, trainers)
    }

    /// Measures the adapter that the peer keeps, and tells what the run came to.
    ///
    /// - Parameter latest: where the adapter of the newest checkpoint is.
    private func conclude(
        _ run: (result: Peer.Result, ledgerGap: Int), _ participation: ParticipationSink, _ adapter: AdapterFile,
        latest: String, _ measuring: Measuring, _ trainers: any TrainerFactory
    ) async throws -> ExitStatus {
        let choice = measuring.floor?.kept
        let kept = choice?.keepsOwn == true ? measuring.validating?.ownAdapter : run.result.delta
        let heldOut = try await heldOutLoss(of: kept, trainers)
        let validation = measuring.validating.map { ValidationSummary($0, best: bestPath) }
        adapter.add(metrics(heldOut, validation, choice))
        let ending = PeerEnding(
            participation.state, quorum: Quorum(swarm.topology, peers: quorum),
            hasFinalAdapter: run.result.delta != nil, adapter: adapter, latest: latest, ledgerGap: run.ledgerGap,
            validation: validation, choice: choice, gain: GainSummary(participation.gains), heldOut: heldOut)
        ending.write(to: folder)
        if output == .sentences { for line in ending.lines { Terminal.print(line) } }
        return ending.status
    }

    /// Where the peer's state is kept, and what is to be told of going on from it.
    private func state(
        for configuration: PeerConfiguration
    ) throws -> (store: CheckpointStore, news: PeerEvent.Kind?) {
        let store = CheckpointStore(folder: folder.appendingPathComponent("state").path)
        let news = try ResumedState.prepare(store, for: configuration, resumption).map {
            PeerEvent.Kind.continued(reason: $0)
        }
        do {
            try AtomicFile.createFolder(store.folder)
        } catch {
            throw CommandFailure("cannot make the folder: \(error)")
        }
        // For `murmur export`, which reads a state by itself.
        try swarm.topology.yaml.write(toFile: store.folder + "/topology.yaml", atomically: true, encoding: .utf8)
        return (store, news)
    }

    /// The adapter that the run leaves, with a card that says how it came about.
    private func adapterFile(of trainers: any TrainerFactory, records: Int) -> AdapterFile {
        AdapterFile(
            path: folder.appendingPathComponent("adapter").path,
            provenance: provenance(of: trainers, records: records))
    }

    func provenance(of trainers: any TrainerFactory, records: Int) -> AdapterProvenance {
        AdapterProvenance(swarm.topology, baseModelDigest: trainers.baseModelDigest, records: records, peer: name)
    }

    /// The lines that earlier parts of the run have left in the log.
    package func earlierParts() -> [LoggedEvent] {
        (try? LoggedEvent.read(folder.appendingPathComponent("events.jsonl"))) ?? []
    }

    /// The trainer, handing over each round's adapter where they are kept. With overlap steps begin before mixing has ended:
    /// checkpoints have what came of it.
    private func keeping(
        _ rounds: RoundAdapters?, _ trainer: any AdapterTrainer, _ trainers: any TrainerFactory
    ) -> any AdapterTrainer {
        guard let rounds, !swarm.topology.exchange.overlap else { return trainer }
        return RoundKeepingTrainer(trainer) { delta, round in
            if let adapter = trainers.adapter(of: delta) { rounds.keep(adapter, after: round) }
        }
    }

    /// The trainer, slower where that is wanted.
    private func slowed(_ trainer: any AdapterTrainer) -> any AdapterTrainer {
        slownesses.isEmpty ? trainer : SlowedTrainer(trainer, slownesses, since: .now)
    }

    /// The trainer, with a recording of what it returns where one is wanted.
    private func recorded(
        _ trainer: any AdapterTrainer, _ configuration: PeerConfiguration
    ) throws -> any AdapterTrainer {
        guard let recordings else { return trainer }
        let head = TrainingRecording(
            peer: name, sampleCount: trainer.sampleCount, baseModelDigest: configuration.baseModelDigest,
            schema: trainer.schema)
        try recordings.begin([head], isContinued: true)
        return RecordingTrainer(trainer, now: { SystemClock().now() }) { [name] in recordings.append($0, of: name) }
    }

    /// Who tells what was measured beside the peer.
    private struct Measuring: Sendable {
        let validating: ValidatingTrainer?
        let floor: AdapterKeeper?
    }

    /// Runs the peer; events go to the log and to the sinks, requests to stop to the peer. `beginnings` are told first.
    ///
    /// - Returns: What the peer came to, and how many lines its ledger lacks.
    private func follow(
        _ peer: Peer, _ recorder: EventRecorder, _ participation: ParticipationSink, _ steps: StepTeller,
        _ measuring: Measuring, _ beginnings: [PeerEvent.Kind]
    ) async throws -> (result: Peer.Result, ledgerGap: Int) {
        let rounds = swarm.topology.tuning.rounds
        let own = output.map { output in
            (output == .sentences ? [StepLine()] : []) + [output.sink(rounds: rounds, name: recorder.name(of:))]
        }
        let sinks: [any EventSink] = [participation, steps] + (own ?? []) + sinks
        steps.begin((own ?? []) + self.sinks)
        let pace = PaceTeller(rounds: rounds)
        let disk = DiskTeller()
        @Sendable func tell(_ event: PeerEvent) {
            let told = ToldEvent(recorder.record(event), description: event.kind.described)
            for sink in sinks { sink.receive(told) }
            for news in [pace.news(after: told.line), disk.news(after: recorder.failure)].compactMap({ $0 }) {
                tell(PeerEvent(time: event.time, kind: news))
            }
        }
        for kind in beginnings { tell(PeerEvent(time: .zero, kind: kind)) }
        measuring.validating?.begin { tell(PeerEvent(time: .zero, kind: $0.event)) }
        measuring.floor?.begin { tell(PeerEvent(time: .zero, kind: $0)) }
        // The final adapter may still be measured when the peer has left: nothing is told after that it has.
        let listener = Task { () -> [PeerEvent] in
            var last: [PeerEvent] = []
            for await event in peer.events {
                if measuring.validating != nil, event.kind == .left { last.append(event) } else { tell(event) }
            }
            return last
        }
        let stopper = Task {
            for await _ in Signals.stopRequests(watchingInput: isSupervised) { await peer.leave() }
        }
        defer { stopper.cancel() }
        let result = try await peer.run()
        for event in await listener.value { tell(event) }
        return (result, recorder.close())
    }
}
