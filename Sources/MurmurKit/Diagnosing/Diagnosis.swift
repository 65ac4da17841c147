import Basics
import Federation
import Observability
import Wire

/// What `murmur doctor` has found.
package struct Diagnosis: Encodable, Sendable {
    /// What was found of one neighbour.
    package struct Neighbour: Encodable, Sendable, Hashable {
        package let name: String
        /// As the topology file has it.
        package let address: String?
        /// Where its name leads, where it has one.
        package var resolved: String?
        /// Whether it answered a handshake: it is there, and keys, secret and swarm are right on both sides.
        package var isReached = false
        /// Seconds.
        package var roundTrip: Double?
        /// Bytes of the longest datagram that passes.
        package var datagramByteCount: Int?
        /// Whether it has the same settings; nil where it was not told.
        package var hasSameSettings: Bool?
        /// In which it differs, in words.
        package var difference: String?
        /// How far its clock is ahead of this one, in seconds; nil where the protocol did not show it.
        package var clockAhead: Double?
        /// Why it was not reached, or what else is wrong.
        package var problem: String?

        private enum CodingKeys: String, CodingKey {
            case name, address, resolved, difference, problem
            case isReached = "reached"
            case roundTrip = "round_trip_seconds"
            case datagramByteCount = "datagram_bytes"
            case hasSameSettings = "same_settings"
            case clockAhead = "clock_ahead_seconds"
        }

        package init(name: String, address: String?) {
            self.name = name
            self.address = address
        }
    }

    package let peer: String
    package let swarm: String
    /// Where it listened.
    package let listening: String
    /// Whether the peer's own address was taken, by the peer itself as it seems.
    package let isBesidePeer: Bool
    /// Whether sessions were begun, by which alone settings are told.
    package let hasSessions: Bool
    package var neighbours: [Neighbour] = []
    /// Datagrams that fit neither key, secret nor swarm.
    package var strangers = 0
    /// Why the settings of this side are not known.
    package var settingsProblem: String?

    private enum CodingKeys: String, CodingKey {
        case peer, swarm, listening, neighbours, strangers, exit
        case isBesidePeer = "beside_peer"
        case hasSessions = "sessions"
        case settingsProblem = "settings_problem"
    }

    package init(peer: String, swarm: String, listening: String, isBesidePeer: Bool, hasSessions: Bool) {
        self.peer = peer
        self.swarm = swarm
        self.listening = listening
        self.isBesidePeer = isBesidePeer
        self.hasSessions = hasSessions
    }

    /// The exit code.
    package var status: ExitStatus {
        if neighbours.contains(where: { $0.hasSameSettings == false }) { return .unequal }
        let reached = neighbours.count { $0.isReached }
        if reached == 0, !neighbours.isEmpty { return .alone }
        if reached < neighbours.count || hasUntoldSettings { return .partial }
        return settingsProblem == nil ? .success : .failure
    }

    /// Whether somebody was reached whose settings are not known although they were to be compared.
    private var hasUntoldSettings: Bool {
        hasSessions && settingsProblem == nil && neighbours.contains { $0.isReached && $0.hasSameSettings == nil }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(peer, forKey: .peer)
        try container.encode(swarm, forKey: .swarm)
        try container.encode(listening, forKey: .listening)
        try container.encode(isBesidePeer, forKey: .isBesidePeer)
        try container.encode(hasSessions, forKey: .hasSessions)
        try container.encode(neighbours, forKey: .neighbours)
        try container.encode(strangers, forKey: .strangers)
        try container.encodeIfPresent(settingsProblem, forKey: .settingsProblem)
        try container.encode(status.rawValue, forKey: .exit)
    }
}

extension Diagnosis.Neighbour {
    /// Clocks that differ by less are as good as equal.
    private static let tolerableSkew = 60.0

    /// Takes over what a visit found, and a second one after its goodbye at the moment `left` of our clock, in nanoseconds
    /// since 1970.
    mutating func take(
        _ finding: Visit.Finding, again: Visit.Finding?, left: UInt64, own: SettingsFingerprint?, depth: Visit.Depth,
        refusal: String?
    ) {
        guard finding.reached != nil else {
            problem = problem ?? refusal.map { "the system refuses to send there: \($0)" }
            return
        }
        isReached = true
        let trip = finding.path?.roundTrip ?? finding.handshakeTime
        roundTrip = trip?.inSeconds
        if depth == .session { datagramByteCount = finding.path?.datagramByteCount }
        if let settings = finding.settings, let own {
            difference = settings.difference(from: own)
            hasSameSettings = difference == nil
        } else if depth == .session, own != nil {
            problem = "it has not told its settings in time"
        }
        func ahead(_ theirs: UInt64, of ours: UInt64) -> Double { (Double(theirs) - Double(ours)) / 1e9 }
        if let before = finding.path?.incarnation, let after = again?.path?.incarnation, after != before {
            // The goodbye took half a round trip.
            clockAhead = ahead(after, of: left) - (roundTrip ?? 0) / 2
        } else if let stamp = finding.stamp {
            clockAhead = ahead(stamp.theirs, of: stamp.ours) + (roundTrip ?? 0) / 2
        }
        if let skew = clockAhead, abs(skew) > Self.tolerableSkew {
            problem =
                "its clock is \(Readable.time(abs(skew))) \(skew > 0 ? "ahead of" : "behind") this one; set both by the "
                + "network's time: nobody is heard whose clock goes a week ahead"
        }
    }

    /// What a person reads in the table.
    fileprivate var row: [String] {
        [
            name, resolved.map { "\(address ?? "") (\($0))" } ?? address ?? "none", isReached ? "yes" : "no",
            roundTrip.map { Readable.number($0 * 1000, digits: 1) + " ms" } ?? "–",
            datagramByteCount.map { "\($0) B" } ?? "–",
            hasSameSettings.map { $0 ? "the same" : "others" } ?? "–",
            clockAhead.map { ($0 < 0 ? "-" : "+") + Readable.time(abs($0)) } ?? "–",
        ]
    }
}

extension Diagnosis {
    /// What a person is told.
    package var lines: [String] {
        let count = neighbours.count == 1 ? "1 neighbour" : "\(neighbours.count) neighbours"
        var lines = ["\(peer) of the swarm \(swarm), from \(listening): \(count)"]
        if isBesidePeer {
            lines.append(
                "The address of \(peer) is taken, by \(peer) itself as it seems: asked from another port, and by handshakes "
                    + "alone, which leave its sessions as they are. Settings and clocks are not compared so.")
        }
        var table = TextTable(heads: [
            "neighbour", "address", "reached", "round trip", "datagrams", "settings", "clock",
        ])
        table.rows = neighbours.map(\.row)
        lines += [""] + table.lines + [""]
        for neighbour in neighbours {
            if let difference = neighbour.difference {
                lines.append("\(neighbour.name) has other settings: \(difference)")
            }
            if let problem = neighbour.problem {
                lines.append("\(neighbour.name): \(problem)")
            } else if neighbour.address == nil, !neighbour.isReached {
                lines.append("\(neighbour.name) has no address in the topology file: it has to begin.")
            }
        }
        let silent = neighbours.filter { !$0.isReached && $0.problem == nil && $0.address != nil }.map(\.name)
        if !silent.isEmpty {
            lines.append(
                "No answer of \(silent.joined(separator: ", ")): not running, or UDP is not open both ways, or one side has "
                    + "another secret, swarm name or seed, or other keys of one of the two.")
        }
        if strangers > 0 {
            lines.append(
                "\(strangers) datagrams came that fit neither key, secret nor swarm: compare the secret files to the byte, "
                    + "the swarm's name and seed, and the keys.")
        }
        if let settingsProblem { lines.append("Settings were not compared: \(settingsProblem)") }
        lines.append(verdict)
        return lines
    }

    private var verdict: String {
        switch status {
        case .success:
            hasSessions
                ? "Everybody was reached and has the same settings."
                : "Everybody was reached; keys and secret are right."
        case .unequal: "Not everybody has the same settings (exit code \(status.rawValue))."
        case .partial: "Not everybody was reached and has told its settings (exit code \(status.rawValue))."
        case .alone: "Nobody was reached (exit code \(status.rawValue))."
        default: "Everybody was reached, but settings were not compared (exit code \(status.rawValue))."
        }
    }
}
