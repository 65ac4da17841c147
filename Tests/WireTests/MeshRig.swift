import Basics
import Cryptography
import TestSupport
import Testing
import Wire

/// Some endpoints on a virtual network with a virtual clock: one seed gives one history.
struct MeshRig {
    let keys: [IdentityKeys]
    let configuration: WireConfiguration
    let swarm: SwarmSecret
    var endpoints: [ProtocolEndpoint]
    var network: VirtualNetwork
    var time = MonotonicTime(nanoseconds: 1_000_000)
    var generator: SeededGenerator
    /// Events of each endpoint, with their times.
    var events: [[WireEvent]]
    /// Every datagram that was handed to the network, in order, with its destination.
    var captured: [(to: Int, datagram: Datagram)] = []
    var captures = false
    /// Endpoints whose events are not taken.
    var deaf: Set<Int> = []
    var bytesSent: [Int]
    /// Where each endpoint's datagrams come from and are sent to.
    var addresses: [NetworkAddress]

    init(
        count: Int = 2, seed: UInt64 = 1, conditions: NetworkConditions = NetworkConditions(),
        configuration: WireConfiguration = WireConfiguration(), swarms: [SwarmSecret]? = nil
    ) throws {
        var generator = SeededGenerator(seed: seed)
        keys = try (0..<count).map { _ in try IdentityKeys.generate(using: &generator) }
        swarm = try SwarmSecret(name: "rig", seed: 7, secret: Array("a secret".utf8))
        self.configuration = configuration
        network = VirtualNetwork(count: count, conditions: conditions)
        endpoints = []
        events = Array(repeating: [], count: count)
        bytesSent = Array(repeating: 0, count: count)
        addresses = (0..<count).map { Self.address($0) }
        self.generator = generator
        for index in 0..<count {
            endpoints.append(makeEndpoint(index, timestamp: 1_000, swarm: swarms?[index] ?? swarm))
        }
    }

    var conditions: NetworkConditions {
        get { network.conditions }
        set { network.conditions = newValue }
    }

    func id(_ index: Int) -> PeerID { PeerID(bytes: keys[index].signing.publicKey)! }

    static func address(_ index: Int) -> NetworkAddress { NetworkAddress(host: "10.0.0.\(index)", port: 9000) }

    func makeEndpoint(
        _ index: Int, timestamp: UInt64, swarm: SwarmSecret? = nil, memory: EndpointMemory = EndpointMemory(),
        configuration: WireConfiguration? = nil, listening: [NetworkAddress] = []
    ) -> ProtocolEndpoint {
        let remotes = keys.indices.filter { $0 != index }.map {
            RemotePeer(id: id($0), exchangeKey: keys[$0].exchange.publicKey, address: Self.address($0))
        }
        return ProtocolEndpoint(
            local: LocalPeer(keys[index], addresses: listening), remotes: remotes, swarm: swarm ?? self.swarm,
            configuration: configuration ?? self.configuration,
            handshakeTimestamp: timestamp, memory: memory, at: time)
    }

    /// Hands over what endpoint `index` wants to send, and takes its events.
    mutating func drain(_ index: Int) {
        while let datagram = endpoints[index].pollTransmit(at: time, using: &generator) {
            bytesSent[index] += datagram.bytes.count
            network.note(datagram)
            guard let to = addresses.firstIndex(of: datagram.address) else { continue }
            var arriving = datagram
            arriving.address = addresses[index]
            if captures { captured.append((to, arriving)) }
            network.carry(arriving, to: to, at: time, using: &generator)
        }
        guard !deaf.contains(index) else { return }
        while let event = endpoints[index].pollEvent() { events[index].append(event) }
    }

    /// Runs until `condition` holds or `limit` of virtual time has passed.
    ///
    /// - Returns: whether the condition held.
    @discardableResult
    mutating func run(for limit: Duration, until condition: (MeshRig) -> Bool = { _ in false }) -> Bool {
        let end = time + limit
        for index in endpoints.indices { drain(index) }
        while !condition(self) {
            var next = network.firstArrival ?? .distantFuture
            for index in endpoints.indices { next = min(next, endpoints[index].nextDeadline ?? .distantFuture) }
            guard next <= end else {
                time = end
                return false
            }
            time = max(time, next)
            while let arrived = network.arrival(by: time) {
                endpoints[arrived.to].receive(arrived.datagram, at: time, using: &generator)
                drain(arrived.to)
            }
            for index in endpoints.indices where (endpoints[index].nextDeadline ?? .distantFuture) <= time {
                settle(index)
            }
        }
        return true
    }

    /// Does what is due. A deadline that stayed due would have the shell turn in circles.
    private mutating func settle(_ index: Int) {
        for _ in 0..<3 {
            endpoints[index].handleTimeout(at: time, using: &generator)
            drain(index)
            if (endpoints[index].nextDeadline ?? .distantFuture) > time { return }
        }
        Issue.record("endpoint \(index) stays due at \(time)")
        time = time + .milliseconds(1)
    }

    /// Starts a session of 0 with 1 and runs until both know.
    mutating func connectPair() throws {
        endpoints[0].connect(to: id(1), at: time, using: &generator)
        let connected = run(for: .seconds(60)) { rig in
            rig.events[0].contains(.connected(rig.id(1))) && rig.events[1].contains(.connected(rig.id(0)))
        }
        try #require(connected)
    }

    func payload(byteCount: Int, seed: UInt64 = 3) -> [UInt8] {
        var generator = SeededGenerator(seed: seed)
        return generator.bytes(count: byteCount)
    }

    func manifest(by index: Int, payload: [UInt8], sequence: UInt64 = 1) -> SignedManifest {
        SignedManifest(
            ContributionManifest(
                swarm: swarm.identifier, origin: id(index), round: 1, sequence: sequence,
                baseModelDigest: Array(repeating: 1, count: 32), schemaDigest: Array(repeating: 2, count: 32),
                encoding: 0, sampleCount: 10, payload: payload, status: [1, 2, 3]), signedWith: keys[index].signing)
    }
}

extension WireEvent {
    var receivedPayload: [UInt8]? {
        if case .received(_, _, let payload) = self { payload } else { nil }
    }

    var announcedManifest: SignedManifest? {
        if case .announced(_, let manifest) = self { manifest } else { nil }
    }

    var message: [UInt8]? {
        if case .message(_, let bytes) = self { bytes } else { nil }
    }
}
