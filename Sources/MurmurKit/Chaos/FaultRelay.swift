import Basics
package import Faults
package import Foundation
import Overlay
package import SwarmFile
package import Transport
import Wire

/// Stands between real peers and does to their datagrams what a fault plan says, in real time.
///
/// There is a socket for each directed pair of neighbours: what `ada` sends to the socket that stands for `ben` arrives
/// at `ben` from the socket that stands for `ada` with him. So both see one address of each other, which is the one in
/// their topology, and answers come back through the relay.
package actor FaultRelay {
    /// What passed one directed link.
    package struct Traffic: Sendable, Hashable {
        /// Datagrams taken in, and their bytes.
        package var taken = 0
        package var takenBytes = 0
        /// Datagrams handed on, copies among them, and their bytes.
        package var delivered = 0
        package var deliveredBytes = 0
        /// Datagrams that the plan made vanish.
        package var dropped = 0
        /// Copies that the plan made.
        package var duplicated = 0
        /// Datagrams for which the relay had no room.
        package var overflowed = 0
        /// Datagrams from somebody else than the peer whose socket it is.
        package var strangers = 0
    }

    /// A directed link.
    package struct Link: Sendable {
        package let from: Int
        package let to: Int
        /// Where `from` reaches `to`.
        package let entrance: UDPEndpoint
        /// The link the other way, whose entrance is where `to` sees `from`.
        package let back: Int
        fileprivate var model: LinkModel
        package fileprivate(set) var traffic = Traffic()
    }

    /// Datagrams under way at the most, in all.
    static let queueLimit = 65_536
    /// Directed links at the most: each is a socket.
    static let linkLimit = 800

    private let plan: FaultPlan
    private let addresses: [NetworkAddress]
    package private(set) var links: [Link]
    private var queue = EventHeap<(link: Int, bytes: [UInt8])>()
    private var origin = ContinuousClock.now
    private var sleeper: Task<Void, Never>?
    private var wakeTime: Duration?
    private var readers: [Task<Void, Never>] = []

    private init(plan: FaultPlan, addresses: [NetworkAddress], links: [Link]) {
        self.plan = plan
        self.addresses = addresses
        self.links = links
    }

    /// A relay with its sockets on `host`, at ports that the system chooses, for the neighbours of a topology in which
    /// every peer has an address.
    package static func bind(plan: FaultPlan, topology: SwarmTopology, host: String) async throws -> FaultRelay {
        var addresses: [NetworkAddress] = []
        for peer in topology.peers {
            guard let place = peer.place else {
                throw CommandFailure(
                    "the topology gives no address for \(peer.name); the relay needs one of every peer")
            }
            addresses.append(
                try await resolve(host: place.host, port: place.port, isIPv6: host.contains(":")))
        }
        let edges = try topology.swarmGraph().edges
        guard 2 * edges.count <= linkLimit else {
            throw CommandFailure(
                "the topology has \(edges.count) edges; the relay holds two sockets for each and takes "
                    + "\(linkLimit / 2) edges at most")
        }
        var links: [Link] = []
        for edge in edges {
            for (from, to, back) in [(edge.first, edge.second, 1), (edge.second, edge.first, -1)] {
                let entrance = try await UDPEndpoint.bind(to: NetworkAddress(host: host, port: 0))
                links.append(
                    Link(
                        from: from, to: to, entrance: entrance, back: links.count + back,
                        model: LinkModel(seed: plan.seed, from: from, to: to)))
            }
        }
        return FaultRelay(plan: plan, addresses: addresses, links: links)
    }

    /// `topology` as the peer at `place` is to have it: its neighbours are reached through the relay.
    package func topology(_ topology: SwarmTopology, for place: Int) -> SwarmTopology {
        var copy = topology
        for link in links where link.from == place { copy.peers[link.to].address = link.entrance.localAddress }
        return copy
    }

    /// Begins to carry datagrams; the plan's times count from `origin`.
    package func start(at origin: ContinuousClock.Instant) {
        self.origin = origin
        for index in links.indices {
            let incoming = links[index].entrance.incoming
            readers.append(Task { for await burst in incoming { self.take(burst, of: index) } })
        }
    }

    /// Gives the sockets back; what is under way is lost.
    package func close() async {
        for reader in readers { reader.cancel() }
        sleeper?.cancel()
        for link in links { await link.entrance.close() }
    }

    private func take(_ burst: [Datagram], of index: Int) {
        let time = ContinuousClock.now - origin
        let (from, to) = (links[index].from, links[index].to)
        let (conditions, released) = plan.conditions(from: from, to: to, at: time)
        for datagram in burst.lazy.flatMap(\.packets) {
            guard datagram.address == addresses[from] else {
                links[index].traffic.strangers += 1
                continue
            }
            links[index].traffic.taken += 1
            links[index].traffic.takenBytes += datagram.bytes.count
            let deliveries = links[index].model.carry(
                datagram.bytes, at: time, under: conditions, released: released)
            if deliveries.isEmpty { links[index].traffic.dropped += 1 }
            links[index].traffic.duplicated += max(0, deliveries.count - 1)
            for delivery in deliveries {
                guard queue.count < Self.queueLimit else {
                    links[index].traffic.overflowed += 1
                    continue
                }
                queue.push(.zero + delivery.time, (index, delivery.bytes))
            }
        }
        deliverDue()
    }

    private func deliverDue() {
        let now = ContinuousClock.now - origin
        while let due = queue.firstTime, due <= .zero + now, let (index, bytes) = queue.pop() {
            let link = links[index]
            links[index].traffic.delivered += 1
            links[index].traffic.deliveredBytes += bytes.count
            // From the socket that stands for the sender at the receiver, so that answers come back through the relay.
            links[link.back].entrance.send([Datagram(address: addresses[link.to], bytes: bytes)])
        }
        guard let due = queue.firstTime.map({ $0 - .zero }) else { return }
        // The sleep under way ends in time.
        if let wakeTime, wakeTime > now, wakeTime <= due { return }
        sleeper?.cancel()
        wakeTime = due
        sleeper = Task { [origin] in
            try? await Task.sleep(until: origin + due, clock: .continuous)
            if !Task.isCancelled { self.deliverDue() }
        }
    }
}

/// One line of the relay's statistics: what passed a directed link so far.
package struct RelayLine: Encodable {
    let time: Double
    let from: String
    let to: String
    let taken: Int
    let takenBytes: Int
    let delivered: Int
    let deliveredBytes: Int
    let dropped: Int
    let duplicated: Int
    let overflowed: Int
    let strangers: Int

    /// A line for each link whose figures differ from those in `earlier`, which is brought up to date.
    package static func news(
        of links: [FaultRelay.Link], names: [String], seconds: Double, since earlier: inout [FaultRelay.Traffic]
    ) throws -> [Data] {
        if earlier.count != links.count { earlier = links.map { _ in FaultRelay.Traffic() } }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        var lines: [Data] = []
        for (index, link) in links.enumerated() where link.traffic != earlier[index] {
            earlier[index] = link.traffic
            let traffic = link.traffic
            let line = RelayLine(
                time: (seconds * 1000).rounded() / 1000, from: names[link.from], to: names[link.to],
                taken: traffic.taken, takenBytes: traffic.takenBytes, delivered: traffic.delivered,
                deliveredBytes: traffic.deliveredBytes, dropped: traffic.dropped, duplicated: traffic.duplicated,
                overflowed: traffic.overflowed, strangers: traffic.strangers)
            lines.append(try encoder.encode(line))
        }
        return lines
    }
}

extension FaultRelay {
    /// Tells what passed each link so far once a second, where it changed, until the task is cancelled, and then once more.
    package func tellTraffic(
        since origin: ContinuousClock.Instant, names: [String], to tell: @Sendable (Data) -> Void
    ) async {
        var earlier: [Traffic] = []
        repeat {
            try? await Task.sleep(for: .seconds(1))
            let seconds = (ContinuousClock.now - origin).inSeconds
            let lines = try? RelayLine.news(of: links, names: names, seconds: seconds, since: &earlier)
            for line in lines ?? [] { tell(line) }
        } while !Task.isCancelled
    }
}
