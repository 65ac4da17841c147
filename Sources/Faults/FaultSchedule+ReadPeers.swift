import Basics
import SwarmFile

extension FaultSchedule {
    /// The values of `fault` and the keys that belong to each, beside `peers` and `start`.
    static let peerFaults: [(name: String, keys: [String])] = [
        ("crash", ["restart", "disk"]), ("absent", ["end"]), ("pause", ["end"]), ("slow", ["end", "factor"]),
        ("clock-step", ["end", "by"]), ("clock-drift", ["end", "rate"]), ("disk", ["end", "disk"]), ("rebind", []),
        ("byzantine", ["end", "behaviour", "factor"]), ("churn", ["end", "up", "down", "disk"]),
    ]
    /// The values of `behaviour` without `scale`, which has a factor.
    static let behaviours: [(name: String, behaviour: ByzantineBehaviour)] = [
        ("not-a-number", .notANumber), ("infinite", .infinite), ("sign-flip", .signFlip), ("equivocate", .equivocate),
        ("replay", .replay), ("malformed-manifest", .malformedManifest), ("malformed-leaf", .malformedLeaf),
        ("forge", .forge), ("round-jump", .roundJump), ("early-final", .earlyFinal), ("mute", .mute), ("stall", .stall),
        ("never-agree", .neverAgree), ("flood", .flood),
    ]
    /// How often churn may crash a peer before the healing, on average.
    private static let maximumCrashes = 10_000.0

    /// One of `peers`.
    static func readPeerFault(_ value: TopologyValue, healing: Duration) throws -> PeerFault {
        let common = ["peers", "fault", "start"]
        var every = common
        for fault in peerFaults { every += fault.keys.filter { !every.contains($0) } }
        let place = try value.section(keys: every).required("fault")
        let name = try place.text()
        guard let fault = peerFaults.first(where: { $0.name == name }) else {
            throw place.error("\"\(name)\" is unknown; allowed: \(peerFaults.map(\.name).joined(separator: ", "))")
        }
        let section = try value.section(keys: common + fault.keys)
        return PeerFault(
            peers: try section.required("peers").peers(), interval: try readInterval(section, healing: healing),
            kind: try readKind(name, section, healing: healing))
    }

    private static func readKind(
        _ name: String, _ section: TopologySection, healing: Duration
    ) throws -> PeerFault.Kind {
        func fate() throws -> DiskFate { try section["disk"]?.choice(DiskFate.self) ?? .kept }
        switch name {
        case "crash":
            return .crash(restart: try section["restart"]?.duration(in: .milliseconds(1)...longest), disk: try fate())
        case "absent": return .absent
        case "pause": return .pause
        case "slow":
            let range = "a factor from above 1 to 1000 is allowed"
            return .slow(try section.required("factor").number(range) { $0 > 1 && $0 <= 1000 })
        case "clock-step":
            return .clockStep(try section.required("by").duration(in: .zero - longest...longest))
        case "clock-drift": return .clockDrift(try section.required("rate").share(in: -0.1...0.1))
        case "disk": return .disk(try section.required("disk").choice(DiskFault.self))
        case "rebind": return .rebind
        case "byzantine": return .byzantine(try readBehaviour(section))
        default:
            let up = try section.required("up").duration(in: .milliseconds(1)...longest)
            let down = try section.required("down").duration(in: .milliseconds(1)...longest)
            let crashes = healing.inSeconds / (up + down).inSeconds
            guard crashes <= maximumCrashes else {
                throw section.place.error(
                    "up and down are so short that each peer crashes about \(Int(crashes)) times before the healing; "
                        + "\(Int(maximumCrashes)) times are allowed")
            }
            return .churn(up: up, down: down, disk: try fate())
        }
    }

    private static var longest: Duration { TopologyValue.longest }

    private static func readBehaviour(_ section: TopologySection) throws -> ByzantineBehaviour {
        let place = try section.required("behaviour")
        let name = try place.text()
        if name == "scale" {
            let range = "a factor from -1e30 to 1e30 is allowed"
            return .scale(try section.required("factor").number(range) { abs($0) <= 1e30 })
        }
        guard let known = behaviours.first(where: { $0.name == name }) else {
            let names = behaviours.map(\.name) + ["scale"]
            throw place.error("\"\(name)\" is unknown; allowed: \(names.joined(separator: ", "))")
        }
        if let factor = section["factor"] { throw factor.error("only the behaviour scale has a factor") }
        return known.behaviour
    }
}
