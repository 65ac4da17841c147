import Basics
import Cryptography
import Testing
import Wire

/// How the rig's network treats datagrams. Probabilities are per datagram.
struct NetworkConditions {
    var delay: Duration = .milliseconds(5)
    var jitter: Duration = .zero
    var loss = 0.0
    var duplication = 0.0
    var corruption = 0.0
    /// Datagrams that are held back for `reorderDelay` longer, so that later ones overtake them.
    var reorder = 0.0
    var reorderDelay: Duration = .milliseconds(5)
    /// Bytes of a datagram that still pass; longer ones vanish.
    var longest = Int.max
    /// Bytes a second that all datagrams from the first half of the endpoints to the second share, and bytes that wait
    /// for the line before more are dropped; nil for no limit.
    var bottleneck: (rate: Double, queue: Double)?
    /// Bytes that wait for the line from which on what joins them is marked.
    var marking = Double.infinity
}

/// Some endpoints on a virtual network with a virtual clock: one seed gives one history.
struct MeshRig {
    struct InFlight {
        var due: MonotonicTime
        var order: Int
        var to: Int
        var datagram: Datagram
    }

    let keys: [IdentityKeys]
    let configuration: WireConfiguration
    let swarm: SwarmSecret
    var endpoints: [ProtocolEndpoint]
    var conditions: NetworkConditions
    var time = MonotonicTime(nanoseconds: 1_000_000)
    var generator: SeededGenerator
    var inFlight: [InFlight] = []
    var order = 0
    /// Events of each endpoint, with their times.
    var events: [[WireEvent]]
    /// Every datagram that was handed to the network, in order, with its destination.
    var captured: [(to: Int, datagram: Datagram)] = []
    var captures = false
    /// Endpoints whose events are not taken.
    var deaf: Set<Int> = []
    /// FNV-1a over all that was sent.
    var transcript: UInt64 = 0xcbf2_9ce4_8422_2325
    var bytesSent: [Int]
    /// Where each endpoint's datagrams come from and are sent to.
    var addresses: [NetworkAddress]
    /// When the bottleneck has sent what it was given, and the longest that anything waited there.
    var lineFree = MonotonicTime.zero
    var longestWait = Duration.zero

    init(
        count: Int = 2, seed: UInt64 = 1, conditions: NetworkConditions = NetworkConditions(),
        configuration: WireConfiguration = WireConfiguration(), swarms: [SwarmSecret]? = nil
    ) throws {
        var generator = SeededGenerator(seed: seed)
        keys = try (0..<count).map { _ in try IdentityKeys.generate(using: &generator) }
        swarm = try SwarmSecret(name: "rig", seed: 7, secret: Array("a secret".utf8))
        self.configuration = configuration
        self.conditions = conditions
        endpoints = []
        events = Array(repeating: [], count: count)
        bytesSent = Array(repeating: 0, count: count)
        addresses = (0..<count).map { Self.address($0) }
        self.generator = generator
        for index in 0..<count {
            endpoints.append(makeEndpoint(index, timestamp: 1_000, swarm: swarms?[index] ?? swarm))
        }
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
            for byte in datagram.bytes { transcript = (transcript ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
            guard let to = addresses.firstIndex(of: datagram.address) else { continue }
            var arriving = datagram
            arriving.address = addresses[index]
            if captures { captured.append((to, arriving)) }
            carry(arriving, to: to)
        }
        guard !deaf.contains(index) else { return }
        while let event = endpoints[index].pollEvent() { events[index].append(event) }
    }

    mutating func carry(_ datagram: Datagram, to: Int) {
        let copies = generator.uniform() < conditions.duplication ? 2 : 1
        for _ in 0..<copies {
            if generator.uniform() < conditions.loss || datagram.bytes.count > conditions.longest { continue }
            var datagram = datagram
            if generator.uniform() < conditions.corruption {
                let position = Int.random(in: 0..<datagram.bytes.count, using: &generator)
                datagram.bytes[position] ^= UInt8.random(in: 1...255, using: &generator)
            }
            var delay = conditions.delay
            if conditions.jitter > .zero { delay += conditions.jitter * generator.uniform() }
            if conditions.reorder > 0, generator.uniform() < conditions.reorder { delay += conditions.reorderDelay }
            if let (rate, queue) = conditions.bottleneck, to >= keys.count / 2 {
                let start = max(time, lineFree)
                if (start - time).inSeconds * rate > queue { continue }
                lineFree = start + .nanoseconds(Int64(Double(datagram.bytes.count) / rate * 1e9))
                longestWait = max(longestWait, lineFree - time)
                if (lineFree - time).inSeconds * rate > conditions.marking { datagram.isMarked = true }
                delay += lineFree - time
            }
            order += 1
            push(InFlight(due: time + delay, order: order, to: to, datagram: datagram))
        }
    }

    /// Runs until `condition` holds or `limit` of virtual time has passed.
    ///
    /// - Returns: whether the condition held.
    @discardableResult
    mutating func run(for limit: Duration, until condition: (MeshRig) -> Bool = { _ in false }) -> Bool {
        let end = time + limit
        for index in endpoints.indices { drain(index) }
        while !condition(self) {
            var next = inFlight.first?.due ?? .distantFuture
            for index in endpoints.indices { next = min(next, endpoints[index].nextDeadline ?? .distantFuture) }
            guard next <= end else {
                time = end
                return false
            }
            time = max(time, next)
            while let first = inFlight.first, first.due <= time {
                let arrived = pop()
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

    // A binary heap by (due, order).
    private func precedes(_ left: InFlight, _ right: InFlight) -> Bool {
        (left.due, left.order) < (right.due, right.order)
    }

    private mutating func push(_ item: InFlight) {
        inFlight.append(item)
        var child = inFlight.count - 1
        while child > 0, precedes(inFlight[child], inFlight[(child - 1) / 2]) {
            inFlight.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    private mutating func pop() -> InFlight {
        inFlight.swapAt(0, inFlight.count - 1)
        let item = inFlight.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < inFlight.count && precedes(inFlight[child], inFlight[least]) {
                least = child
            }
            if least == parent { return item }
            inFlight.swapAt(parent, least)
            parent = least
        }
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
