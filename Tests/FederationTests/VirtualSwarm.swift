import Adapters
import Aggregation
import Basics
import Cryptography
import Federation
import Recording
import Simulation
import SwarmFile
import TestSupport
import Testing
import Wire

/// A swarm of peer cores on one virtual clock and network, with quadratic trainers. One seed gives one history.
struct VirtualSwarm {
    /// One peer: its keys, its core while it runs, and what its disk holds.
    struct Member {
        let keys: IdentityKeys
        let target: [Float]
        let sampleCount: Int
        var core: PeerCore?
        var starts = 0
        var disk: PeerCheckpoint?
        var memory = EndpointMemory()
        var final: AdapterDelta?
        var events: [PeerEvent] = []
        /// What it has published, by round, where it is audited.
        var published: [Int: AdapterDelta] = [:]
        /// The same by number.
        var contributions: [UInt64: AdapterDelta] = [:]
        /// What it has mixed, by round, where it is audited.
        var mixed: [Int: AdapterDelta] = [:]
        /// Of whose contributions, beside its own.
        var parts: [Int: [PeerAudit.Part]] = [:]
        /// Of how many rounds it served contributions at a time, at the most.
        var mostServed = 0
        /// Its local steps lead nowhere.
        var idles = false
        var trainingTime: Duration
        var stopped: PeerDirective.StopReason?
        /// Contributions become NaN.
        var poisons = false
        /// The core's next deadline, as of the last call.
        var deadline: MonotonicTime?
    }

    enum Event {
        case trained(Int, start: Int, TrainingOutcome, Duration)
        case action(Int)
    }

    let schema: AdapterSchema
    let topology: SwarmTopology
    let secret: SwarmSecret
    var members: [Member]
    var network: VirtualNetwork
    var time = MonotonicTime(nanoseconds: 1_000_000_000)
    var generator: SeededGenerator
    var queue = EventHeap<Event>()
    var datagrams = 0
    var actions: [(inout VirtualSwarm) -> Void] = []
    var adjust: (inout PeerConfiguration) -> Void = { _ in }
    /// What becomes of a peer's local steps.
    var alter: (Int, inout TrainingOutcome) -> Void = { _, _ in }
    var wire = WireConfiguration.attentive

    init(
        graph: String, count: Int, seed: UInt64 = 1, rounds: Int = 5, loss: Double = 0, unequal: Bool = true,
        exchange: String = "staleness: 2", rows: Int = 4
    ) throws {
        schema = AdapterSchema(
            tensors: [.init(name: "a", rows: rows, columns: 8), .init(name: "b", rows: 8, columns: 4)])
        var generator = SeededGenerator(seed: seed)
        let base = try SwarmTopology.parse(
            """
            murmuration: 1
            swarm: { name: virtual, seed: 3 }
            model: { base: builtin:fledgling }
            tuning: { rounds: \(rounds), local-steps: 4 }
            data: { source: builtin:chores, validation: 1 }
            exchange: { \(exchange)\(exchange.contains("compression") ? "" : ", compression: none") }
            graph: { kind: \(graph) }
            peers: { count: \(count), host: 10.0.0.1, first-port: 9000 }
            """, file: "virtual.yaml")
        let keys = try (0..<count).map { _ in try IdentityKeys.generate(using: &generator) }
        topology = base.expanded(
            identities: keys.map {
                PeerIdentity(id: PeerID(bytes: $0.signing.publicKey)!, exchangeKey: $0.exchange.publicKey)
            })
        secret = try SwarmSecret(name: "virtual", seed: 3, secret: [1, 2, 3])
        let length = schema.count
        members = (0..<count).map { index in
            Member(
                keys: keys[index], target: (0..<length).map { _ in Float(generator.normal()) },
                sampleCount: unequal ? Int.random(in: 20...200, using: &generator) : 100,
                trainingTime: .milliseconds(Int.random(in: 800...1200, using: &generator)))
        }
        network = VirtualNetwork(
            count: count, conditions: NetworkConditions(jitter: .milliseconds(3), loss: loss))
        self.generator = generator
    }

    func id(_ index: Int) -> PeerID { topology.peers[index].id! }

    /// Starts a peer, from its disk if it has one.
    mutating func start(_ index: Int) throws {
        var configuration = try PeerConfiguration(
            topology: topology, index: index, schema: schema, baseModelDigest: [UInt8](repeating: 7, count: 32),
            sampleCount: members[index].sampleCount)
        adjust(&configuration)
        members[index].starts += 1
        members[index].stopped = nil
        members[index].core = try PeerCore(
            configuration: configuration, local: LocalPeer(members[index].keys), swarm: secret, wire: wire,
            checkpoint: members[index].disk,
            handshakeTimestamp: UInt64(time.nanoseconds) + UInt64(members[index].starts),
            memory: members[index].memory, at: time)
        members[index].core!.start(at: time, using: &generator)
        drain(index)
    }

    mutating func startAll() throws { for index in members.indices { try start(index) } }

    /// The process ends without a word.
    mutating func crash(_ index: Int) {
        members[index].core = nil
        members[index].deadline = nil
    }

    /// Does something later.
    mutating func after(_ delay: Duration, _ action: @escaping (inout VirtualSwarm) -> Void) {
        actions.append(action)
        queue.push(time + delay, .action(actions.count - 1))
    }

    /// Lets a running peer die after `delay`, with its disk or without, and come back `pause` later.
    mutating func crash(_ index: Int, after delay: Duration, keepsDisk: Bool, for pause: Duration) {
        after(delay) { swarm in
            guard swarm.members[index].core != nil else { return }
            swarm.crash(index)
            if !keepsDisk { swarm.members[index].disk = nil }
        }
        after(delay + pause) { swarm in
            if swarm.members[index].core == nil, swarm.members[index].stopped == nil { try! swarm.start(index) }
        }
    }

    /// Runs until all have agreed, of whom nobody refused what another sent.
    mutating func expectToAgree() throws {
        let isDone = run()
        let (finals, count) = (finals(members.indices), members.count)
        #expect(isDone)
        try #require(finals.count == count)
        #expect(ConsensusDistance.relative(finals) <= 1e-3)
        for peer in members.indices {
            let refused = kinds(peer).contains { if case .contributionRefused = $0 { true } else { false } }
            #expect(!refused, "peer \(peer)")
        }
    }

    /// Runs until no peer runs any more, or until `limit`; whether all stopped.
    @discardableResult
    mutating func run(for limit: Duration = .seconds(3600)) -> Bool {
        let end = time + limit
        while members.contains(where: { $0.core != nil }) || queue.count + network.inFlightCount > 0 {
            var next = min(queue.firstTime ?? .distantFuture, network.firstArrival ?? .distantFuture)
            for member in members { next = min(next, member.deadline ?? .distantFuture) }
            guard next <= end else { return false }
            time = max(time, next)
            if let (to, datagram) = network.arrival(by: time) {
                guard members[to].core != nil else { continue }
                members[to].core!.receive(datagram, at: time, using: &generator)
                drain(to)
            } else if let first = queue.firstTime, first <= time {
                perform(queue.pop()!)
            } else {
                for index in members.indices {
                    guard let due = members[index].deadline, due <= time else { continue }
                    members[index].core!.handleTimeout(at: time, using: &generator)
                    drain(index)
                }
            }
        }
        return true
    }

    private mutating func perform(_ event: Event) {
        switch event {
        case .trained(let index, let start, let outcome, let duration):
            guard members[index].core != nil, members[index].starts == start else { return }
            let snapshot = [UInt8](repeating: UInt8(start), count: 3)
            members[index].core!.trainingFinished(
                outcome, snapshot: snapshot, duration: duration, at: time, using: &generator)
            drain(index)
        case .action(let index): actions[index](&self)
        }
    }

    /// Hands over datagrams and performs directives.
    mutating func drain(_ index: Int) {
        sendAll(index)
        while let directive = members[index].core?.pollDirective() { perform(directive, of: index) }
        members[index].mostServed = max(members[index].mostServed, members[index].core?.servedRounds.count ?? 0)
        members[index].deadline = members[index].core?.nextDeadline
    }

    private mutating func sendAll(_ index: Int) {
        while var datagram = members[index].core?.pollTransmit(at: time, using: &generator) {
            datagrams += 1
            network.note(datagram)
            let to = Int(datagram.address.port) - 9000
            datagram.address = NetworkAddress(host: "10.0.0.1", port: UInt16(9000 + index))
            network.carry(datagram, to: to, at: time, using: &generator)
        }
    }

    private mutating func perform(_ directive: PeerDirective, of index: Int) {
        switch directive {
        case .audit(.published(let round, let sequence, _, let delta, _)):
            members[index].published[round] = delta
            members[index].contributions[sequence] = delta
        case .audit(.mixed(let round, let parts, let delta)):
            members[index].mixed[round] = delta
            members[index].parts[round] = parts
        case .audit: break
        case .train(let request):
            var outcome = QuadraticTrainer.outcome(of: request, target: members[index].target, rate: 0.1)
            if members[index].idles { outcome.delta = request.delta }
            if members[index].poisons { outcome.delta[3] = 3e38 }
            alter(index, &outcome)
            queue.push(
                time + members[index].trainingTime,
                .trained(index, start: members[index].starts, outcome, members[index].trainingTime))
        case .checkpoint(let checkpoint):
            // Through the bytes, as a disk would keep it.
            members[index].disk = try! PeerCheckpoint(encoded: checkpoint.encoded)
            members[index].core!.checkpointWritten(round: checkpoint.round, at: time)
        case .remember(let memory): members[index].memory = EndpointMemory(encoded: memory.encoded)!
        case .report(let event): members[index].events.append(event)
        case .deliver(let delta): members[index].final = delta
        case .stop(let reason):
            members[index].stopped = reason
            // Goodbyes get through: what they carry is what tests look at.
            let conditions = network.conditions
            network.conditions = NetworkConditions(delay: conditions.delay)
            sendAll(index)
            network.conditions = conditions
            members[index].core = nil
        }
    }
}

extension VirtualSwarm {
    /// The final adapters of the given peers.
    func finals(_ indices: some Sequence<Int>) -> [AdapterDelta] { indices.compactMap { members[$0].final } }

    /// The sample-weighted mean of the given peers' targets.
    func optimum(_ indices: some Sequence<Int>) -> AdapterDelta {
        WeightedMean.of(
            indices.map { (members[$0].sampleCount, AdapterDelta(schema: schema, values: members[$0].target)) })!
    }

    /// What local steps with perfect averaging lead to: gradient steps towards the optimum from zero.
    func ideal(_ indices: some Sequence<Int>) -> AdapterDelta {
        var delta = AdapterDelta(zeroOf: schema)
        let optimum = optimum(indices)
        for round in 0..<topology.tuning.rounds {
            delta =
                QuadraticTrainer.outcome(
                    of: TrainingRequest(round: round, steps: topology.tuning.localSteps, delta: delta),
                    target: optimum.values, rate: 0.1
                ).delta
        }
        return delta
    }

    func kinds(_ index: Int) -> [PeerEvent.Kind] { members[index].events.map(\.kind) }
}
