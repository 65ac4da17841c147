import Adapters
import Aggregation
package import Basics
import Cryptography
import Faults
import Federation
import Overlay
import SwarmFile
import Wire

/// A swarm of real peer cores on a virtual clock and network: tier A of docs/simulation-reference.md.
///
/// The cores, the protocol, the handshakes and the cryptography are those of real peers; the clock, the network, the
/// disks and the trainers are simulated. A value: nothing outside of it is asked or changed, so that one scenario gives
/// one history.
package struct SimulatedSwarm {
    /// What happens at a moment.
    enum Event {
        /// A datagram arrives at an address.
        case datagram(to: NetworkAddress, Datagram)
        /// A peer's deadline, as it was when this was put in for `due`.
        case wake(Int, incarnation: Int, due: MonotonicTime)
        /// A peer's local steps are done.
        case trained(Int, incarnation: Int, TrainingTicket)
        /// A peer's checkpoint is on the disk, or not.
        case written(Int, incarnation: Int)
        /// A fault begins or ends.
        case begins(Int)
        case ends(Int)
        /// An intruder sends.
        case intrudes(Int)
    }

    /// The wall clock at the virtual clock's origin: nanoseconds since 1970.
    static let epoch: Int64 = 1_800_000_000_000_000_000
    /// Datagrams that wait for a peer that stands still, at most: a socket's buffer.
    static let socketLimit = 256

    let scenario: SimulationScenario
    let topology: SwarmTopology
    let schema: AdapterSchema
    let secret: SwarmSecret
    let plan: FaultPlan
    var peers: [SimulatedPeer]
    /// Each peer's randomness, across its incarnations.
    var generators: [SeededGenerator]
    var configurations: [PeerConfiguration]
    var indexOfAddress: [NetworkAddress: Int]
    /// Addresses that peers have lost.
    var lostAddresses: Set<NetworkAddress> = []
    var links: [UInt64: LinkModel] = [:]
    var intruders: [SimulatedIntruder]
    var heap = EventHeap<Event>()
    /// What cannot be performed before local steps are done.
    var blocked: Event?
    /// What runs the peers' actors on tier B; nil on tier A.
    let executor: SeededExecutor?
    /// True time.
    package internal(set) var time = SimulatedSwarm.start
    package internal(set) var trace: Trace
    var checker: SwarmChecker
    /// Those of every packet and of every averaging, which cost memory with every peer: nil in large swarms.
    var packets: PacketChecker?
    var mixing: MixingChecker?
    /// Of a rule that moves mass.
    var mass: MassChecker?
    /// The losses that the trainers find at the end; nil for the toy, whose loss is known without.
    var losses: [Double?]?
    var datagrams: UInt64 = 0
    var bytesSent: UInt64 = 0
    var lost: UInt64 = 0
    /// Peers that have mixed in the scenario's last round, where it has one.
    var arrived: Set<Int> = []
    /// Peers that are not done.
    var running: Int

    /// Is told how far the run is, from time to time.
    package var watch: (@Sendable (SimulationProgress) -> Void)?
    /// The number of events at which it is told again.
    package var nextLook = SimulationProgress.interval

    /// When the swarm starts on the virtual clock: its faults' times count from here.
    static let start = MonotonicTime(nanoseconds: 1_000_000_000)

    /// Swarms up to this size are watched packet by packet.
    static let closelyWatched = 64

    /// A swarm at its start.
    ///
    /// - Parameter write: takes the trace's lines.
    /// - Throws: `FaultPlanError` where the faults do not fit the topology, `PeerSetupError` for its graph,
    ///   `CryptographyError` where keys cannot be made.
    package init(_ scenario: SimulationScenario, write: (@Sendable (String) -> Void)? = nil) throws {
        self.scenario = scenario
        let names = scenario.topology.peers.map(\.name)
        plan = try FaultPlan(scenario.faults, names: names, seed: scenario.seed)
        let toy = Self.toy(scenario)
        schema = scenario.training?.schema ?? toy
        var generator = SeededGenerator(seed: scenario.seed, label: "swarm")
        let keys = try names.map { _ in try IdentityKeys.generate(using: &generator) }
        var expanded = scenario.topology
        // The toy has a rank of its own.
        if scenario.training == nil, expanded.residualRank > 0 {
            expanded.exchange.residualRank = Self.toyResidual(scenario.topology)
        }
        for index in names.indices {
            expanded.peers[index].id = PeerID(bytes: keys[index].signing.publicKey)!
            expanded.peers[index].exchangeKey = keys[index].exchange.publicKey
            expanded.peers[index].address = Self.address(index)
        }
        topology = expanded
        secret = try SwarmSecret(name: expanded.swarm.name, seed: scenario.seed, secret: [1, 2, 3])
        let drawn = Self.peers(scenario, keys: keys, width: scenario.training == nil ? toy.count : 0)
        peers = drawn.map(\.peer)
        generators = drawn.map(\.generator)
        configurations = []
        indexOfAddress = Dictionary(uniqueKeysWithValues: peers.enumerated().map { ($1.address, $0) })
        trace = Trace(origin: Self.start, write: write)
        let graph = try expanded.swarmGraph()
        // Where mass has to come back first, a step that is owed may lead beyond its target, and so may one that began
        // before the round was mixed; factors of averaged products may lie outside of what averages of values give, and
        // what is mixed by copies that stay behind. Momentum, tracked gradients, and settling that is accelerated, lead beyond
        // targets by their nature.
        let exchange = ExchangePolicy(expanded)
        let leavesHull =
            exchange.mixing.movesMass || exchange.overlaps || exchange.factors.averagesProducts
            || exchange.topKShare != nil
            || exchange.outer != nil || exchange.tracksGradients || exchange.settling != .plain
        checker = SwarmChecker(
            names: names, ids: peers.map(\.id), targets: leavesHull ? [] : peers.map(\.target),
            neighbours: graph.neighbours,
            consensusBound: expanded.exchange.consensusBound)
        running = names.count
        executor = scenario.tier == .actors ? SeededExecutor(seed: scenario.seed ^ scenario.interleaving) : nil
        intruders = scenario.faults.intruders.enumerated().map { [plan] in
            SimulatedIntruder($1, number: $0, seed: plan.seed)
        }
        configurations = try PeerConfiguration.all(
            topology: expanded, graph: graph, schema: schema,
            baseModelDigest: scenario.training?.baseModelDigest ?? [UInt8](repeating: 7, count: 32),
            sampleCounts: peers.map(\.sampleCount))
        if let patience = scenario.patience {
            for index in configurations.indices {
                configurations[index].startupPatience = patience
                configurations[index].absencePatience = patience
                configurations[index].lingerTimeout = patience
                configurations[index].settlingPatience = patience
                configurations[index].settlingMutePatience = patience...patience
            }
        }
        if peers.count <= Self.closelyWatched {
            packets = PacketChecker(count: peers.count)
            mixing = MixingChecker(ids: peers.map(\.id), graph: graph, configurations: configurations)
            if exchange.mixing.movesMass, executor == nil {
                mass = MassChecker(ids: peers.map(\.id), configurations: configurations)
            }
        }
        schedule()
    }

    /// What the toy trains: a vector, or the factors of LoRA modules of about as many values where the exchange looks at
    /// these.
    private static func toy(_ scenario: SimulationScenario) -> AdapterSchema {
        guard scenario.topology.exchange.factors != .both else {
            let rows = max(1, scenario.adapterCount / 8)
            return AdapterSchema(tensors: [.init(name: "toy", rows: rows, columns: 8)])
        }
        let projections = (0..<max(1, scenario.adapterCount / 32)).map {
            LoRAProjection(layer: $0, target: .query, inputSize: 8, outputSize: 8)
        }
        let configuration = LoRAConfiguration(rank: 2, targets: [.query])
        return .lora(
            configuration: configuration.widened(by: toyResidual(scenario.topology)), projections: projections)
    }

    /// The rank of the toy's residual: what the file gives, or half of what a module of rank 2 leaves of its 8 rows, so
    /// that something is lost.
    private static func toyResidual(_ topology: SwarmTopology) -> Int {
        topology.residualRank == 0 ? 0 : topology.exchange.residualRank ?? 3
    }

    /// Where peer `index` listens: one address for each of sixteen million.
    static func address(_ index: Int) -> NetworkAddress {
        NetworkAddress(host: "10.\(index >> 16 & 255).\(index >> 8 & 255).\(index & 255)", port: 9000)
    }

    private static func peers(
        _ scenario: SimulationScenario, keys: [IdentityKeys], width: Int
    ) -> [(peer: SimulatedPeer, generator: SeededGenerator)] {
        keys.enumerated().map { index, keys in
            var generator = SeededGenerator(seed: scenario.seed, label: "peer", index: UInt64(index))
            let target = (0..<width).map { _ in Float(generator.normal()) }
            let drawn = Int.random(in: 20...200, using: &generator)
            let samples = scenario.training?.sampleCounts[index] ?? drawn
            let pace = 0.8 + 0.4 * generator.uniform()
            let peer = SimulatedPeer(
                name: scenario.topology.peers[index].name, id: PeerID(bytes: keys.signing.publicKey)!, keys: keys,
                target: target, sampleCount: samples, trainingTime: scenario.trainingTime * pace,
                address: address(index),
                // Every peer's clock has an origin of its own.
                clock: VirtualClock(
                    local: MonotonicTime(nanoseconds: 1_000_000_000 + Int64(index) * 7_777_777), at: start),
                disk: VirtualFileSystem(seed: scenario.seed, index: UInt64(index)))
            return (peer, generator)
        }
    }

    /// Puts the faults' beginnings and ends and the intruders' first datagrams into the heap.
    private mutating func schedule() {
        for (number, fault) in plan.faults.enumerated() {
            heap.push(Self.start + fault.from, .begins(number))
            if fault.until > fault.from { heap.push(Self.start + fault.until, .ends(number)) }
        }
        for number in intruders.indices {
            heap.push(Self.start + intruders[number].intruder.interval.from, .intrudes(number))
        }
    }

    /// How far the run is, on the faults' clock.
    var elapsed: Duration { time - Self.start }

    /// Whether the limit of virtual time was reached.
    package var isExhausted: Bool { elapsed > scenario.limit }
}
