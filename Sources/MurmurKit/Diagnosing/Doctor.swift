package import Basics
import Cryptography
package import Federation
import Foundation
import Overlay
import SwarmFile
import Synchronization
import Transport
import Wire

/// Finds out for one peer whether it could take part: reaches each of its neighbours by UDP and by a real handshake, and
/// compares keys, settings and clocks.
package struct Doctor: Sendable {
    /// What is looked at, and how.
    package struct Choices: Sendable {
        /// Where it listens; nil for where the topology says that the peer does.
        package var listening: NetworkAddress?
        /// How long neighbours are tried that do not answer.
        package var patience: Duration = .seconds(8)
        /// Whether no session is begun: neighbours at work notice nothing. Settings are not compared then.
        package var handshakesOnly = false

        package init() {}
    }

    private let swarm: SwarmComposition
    private let name: String
    private let keys: IdentityKeys
    private let choices: Choices
    /// What must be the same at all peers; nil where it could not be read, and why.
    private let settings: Result<SettingsFingerprint, CommandFailure>

    /// - Parameters:
    ///   - identityPath: the file with the keys of the peer called `name`.
    ///   - settings: what must be the same at all peers, as it is here.
    /// - Throws: `CommandFailure` for keys that are not those of the topology.
    package init(
        _ swarm: SwarmComposition, name: String, identityPath: String,
        settings: Result<SettingsFingerprint, CommandFailure>, choices: Choices = Choices()
    ) throws {
        self.swarm = swarm
        self.name = name
        self.settings = settings
        self.choices = choices
        keys = try swarm.keys(of: name, in: identityPath)
    }

    /// What must be the same at all peers, as it is here for the peer called `name`; where model or records cannot be read,
    /// why.
    package static func settings(
        of name: String, in swarm: SwarmComposition, sources: SourceChoices
    ) -> Result<SettingsFingerprint, CommandFailure> {
        do {
            return .success(
                try ModelComposition.sharedSettings(swarm.topology, of: name, onBadRecord: sources.badRecords))
        } catch {
            return .failure(CommandFailure("\(error)"))
        }
    }

    /// Longer than any neighbour needs to tell its settings, and than sizes of datagrams are tried.
    private static let sessionPatience = Duration.seconds(3)
    /// How long clocks are asked for once more.
    private static let clockPatience = Duration.seconds(2)

    /// Reaches the neighbours and says what was found.
    package func run() async throws -> Diagnosis {
        let place = try swarm.place(of: name)
        let neighbours = try swarm.topology.swarmGraph().neighbours[place]
        let (socket, isBeside) = try await bind(place)
        let depth: Visit.Depth = isBeside || choices.handshakesOnly ? .handshake : .session
        var diagnosis = Diagnosis(
            peer: name, swarm: swarm.topology.swarm.name, listening: "\(socket.localAddress)", isBesidePeer: isBeside,
            hasSessions: depth == .session)
        var remotes: [RemotePeer] = []
        for index in neighbours {
            let entry = swarm.topology.peers[index]
            guard let id = entry.id, let key = entry.exchangeKey else {
                throw PeerSetupError.unresolved(name: entry.name)
            }
            var part = Diagnosis.Neighbour(name: entry.name, address: entry.place?.description)
            var address = entry.address
            if let place = entry.place, address == nil {
                do {
                    address = try await resolve(
                        host: place.host, port: place.port, isIPv6: socket.localAddress.isIPv6)
                    part.resolved = "\(address!)"
                } catch { part.problem = "\(error)" }
            }
            remotes.append(RemotePeer(id: id, exchangeKey: key, address: address))
            diagnosis.neighbours.append(part)
        }
        try await visit(remotes, by: socket, depth, &diagnosis)
        await socket.close()
        if case .failure(let failure) = settings { diagnosis.settingsProblem = failure.description }
        return diagnosis
    }

    /// The socket: the peer's own, or one beside it where the peer itself has it.
    private func bind(_ place: Int) async throws -> (socket: UDPEndpoint, isBeside: Bool) {
        let address = try await swarm.address(toBind: place, at: choices.listening)
        do {
            return (try await UDPEndpoint.bind(to: address), false)
        } catch {
            guard case .addressInUse = error else { throw error }
            return (try await UDPEndpoint.bind(to: NetworkAddress(host: address.host, port: 0)), true)
        }
    }

    /// Visits until `goal` is reached, or `limit` has passed.
    private static func carry(_ visit: Visit, for limit: Duration, to goal: Visit.Goal) async {
        let end = ContinuousClock.now + limit
        await visit.begin()
        while ContinuousClock.now < end, !Task.isCancelled {
            if await visit.proceed(to: goal) { return }
            try? await Task.sleep(for: .milliseconds(20))
        }
    }

    private func visit(
        _ remotes: [RemotePeer], by socket: UDPEndpoint, _ depth: Visit.Depth, _ diagnosis: inout Diagnosis
    ) async throws {
        let secret = try swarm.secret()
        let own = try? settings.get()
        func visit(_ remotes: [RemotePeer], _ depth: Visit.Depth) -> Visit {
            Visit(
                LocalPeer(keys), to: remotes, swarm: secret, socket: socket, depth: depth,
                settings: depth == .session ? own : nil)
        }
        let first = visit(remotes, depth)
        let second = Handover(first)
        let reader = Task { for await burst in socket.incoming { await second.current.receive(burst) } }
        defer { reader.cancel() }
        let refusals = RefusalList()
        let listener = socket.refusals.map { stream in Task { for await refusal in stream { refusals.add(refusal) } } }
        defer { listener?.cancel() }

        await Self.carry(
            first, for: choices.patience,
            to: depth == .handshake ? .reached : .known(patience: Self.sessionPatience))
        let left = await first.leave()
        let findings = await first.findings
        let strangers = await first.strangers
        let reached = remotes.filter { findings[$0.id]?.reached != nil }
        // A goodbye makes the neighbour begin anew, and name that after what its clock shows.
        var again: [PeerID: Visit.Finding] = [:]
        if depth == .session, !reached.isEmpty {
            let clocks = visit(reached, .handshake)
            second.hand(to: clocks)
            await Self.carry(clocks, for: Self.clockPatience, to: .reached)
            again = await clocks.findings
        }
        for (index, remote) in remotes.enumerated() {
            guard let finding = findings[remote.id] else { continue }
            diagnosis.neighbours[index].take(
                finding, again: again[remote.id], left: left, own: own, depth: depth,
                refusal: remote.address.flatMap { refusals[$0] })
        }
        diagnosis.strangers = strangers
    }
}

/// Who takes what a socket receives.
private final class Handover: Sendable {
    private let visit: Mutex<Visit>

    init(_ visit: Visit) { self.visit = Mutex(visit) }

    var current: Visit { visit.withLock { $0 } }

    func hand(to next: Visit) { visit.withLock { $0 = next } }
}

/// What the system would not send, by address.
private final class RefusalList: Sendable {
    private let reasons = Mutex<[NetworkAddress: String]>([:])

    subscript(address: NetworkAddress) -> String? { reasons.withLock { $0[address] } }

    func add(_ refusal: SendRefusal) {
        reasons.withLock { $0[refusal.address] = $0[refusal.address] ?? refusal.reason }
    }
}
