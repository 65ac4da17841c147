import Adapters
import Basics
import Storage
import SwarmFile

/// What a peer asks of a trainer's process: a JSON object on one line (docs/trainers.md).
enum TrainerRequest {
    /// The version of the protocol.
    static let version = 1
    /// The most bytes of a line that the peer writes.
    static let lineLimit = 16 << 20

    /// One optimiser step of a round.
    struct Step: Sendable, Hashable {
        /// The step's number in the whole run, from zero.
        var number: Int
        var learningRate: Double
        /// What the trainer's dropout begins with in this step, below 2³¹.
        var dropoutSeed: Int
        /// The places of the batch's records in the records file.
        var records: [Int]

        fileprivate var json: JSONValue {
            [
                "number": .integer(number), "learning_rate": .number(learningRate),
                "dropout_seed": .integer(dropoutSeed), "records": .array(records.map(JSONValue.integer)),
            ]
        }
    }

    static func train(
        id: Int, round: Int, steps: [Step], factors: LoRAFactors, proximal: Double, adapter: String, result: String,
        tracking: (correction: String, gradient: String)? = nil
    ) -> JSONValue {
        let names = [(LoRAFactors.a, "A"), (.b, "B")].filter { factors.contains($0.0) }.map { JSONValue.text($0.1) }
        let tracked: JSONValue? = tracking.map {
            ["correction": .text($0.correction), "gradient": .text($0.gradient)]
        }
        return [
            "type": "train", "id": .integer(id), "round": .integer(round), "adapter": .text(adapter),
            "result": .text(result), "factors": .array(names), "proximal": .number(proximal),
            "tracking": tracked ?? .null,
            "steps": .array(steps.map(\.json)),
        ]
    }

    static func evaluate(id: Int, adapter: String, records: String) -> JSONValue {
        ["type": "evaluate", "id": .integer(id), "adapter": .text(adapter), "records": .text(records)]
    }

    static func snapshot(id: Int, file: String) -> JSONValue {
        ["type": "snapshot", "id": .integer(id), "file": .text(file)]
    }

    static func restore(id: Int, file: String, steps: Int) -> JSONValue {
        ["type": "restore", "id": .integer(id), "file": .text(file), "steps": .integer(steps)]
    }

    static func cancel(id: Int) -> JSONValue { ["type": "cancel", "id": .integer(id)] }

    static let stop: JSONValue = ["type": "stop"]

    /// The line of a message.
    ///
    /// - Throws: `TrainerFault.violation` for one that is too long to be read at once.
    static func line(_ message: JSONValue) throws(TrainerFault) -> [UInt8] {
        let line = message.encoded() + [UInt8(ascii: "\n")]
        guard line.count <= lineLimit else {
            throw .violation(
                "the request has \(line.count) bytes, more than the \(lineLimit) of a line; lower tuning.local-steps or "
                    + "tuning.batch")
        }
        return line
    }
}

/// What not every trainer can do. One that does not say so when it is ready is not asked for it.
package enum TrainerSkill: String, Sendable, Hashable, CaseIterable {
    /// `tuning.proximal`: steps that are drawn back to where the round began.
    case proximal
    /// `exchange.tracking`: steps whose gradients are corrected, and whose mean gradient is told.
    case tracking

    /// The key of the topology file that asks for it.
    var key: String {
        switch self {
        case .proximal: "tuning.proximal"
        case .tracking: "exchange.tracking"
        }
    }
}

/// What a trainer's process says.
package enum TrainerReply: Equatable {
    /// `knows` are the settings beyond the first version's that it can do (`TrainerSkill`); others are passed over.
    case ready(version: Int, name: String, samples: Int, knows: Set<TrainerSkill>)
    case step(id: Int, number: Int, loss: Double, gradientNorm: Double?)
    case trained(id: Int, records: Int)
    case evaluated(id: Int, loss: Double, tokens: Int)
    case snapshotted(id: Int)
    case restored(id: Int)
    case cancelled(id: Int)
    case alive
    /// What could not be done; of no request where there is no number.
    case error(id: Int?, message: String)

    /// The most bytes of a line that a trainer writes.
    package static let lineLimit = 65_536
    /// The most characters of a trainer's own words that are shown.
    private static let wordsLimit = 500

    /// The reply that a line holds.
    ///
    /// - Throws: `TrainerFault.violation` for anything else.
    package init(line: [UInt8]) throws(TrainerFault) {
        guard line.count <= Self.lineLimit else { throw .violation("a line has more than \(Self.lineLimit) bytes") }
        let json: JSONValue
        do throws(JSONError) {
            json = try JSONValue.parse(line, depthLimit: 8)
        } catch {
            throw .violation(
                "it wrote a line that is no JSON: \"\(Self.shown(String(decoding: line.prefix(80), as: UTF8.self)))\"; "
                    + "whatever is no message belongs on standard error")
        }
        func missing(_ member: String) -> TrainerFault {
            .violation(
                "a message has no usable \(member): \(Self.shown(String(decoding: line.prefix(200), as: UTF8.self)))")
        }
        func number(_ member: String) throws(TrainerFault) -> Int {
            guard let number = json[member]?.int, number >= 0 else { throw missing(member) }
            return number
        }
        func real(_ member: String) throws(TrainerFault) -> Double {
            guard let number = json[member]?.double, number.isFinite else { throw missing(member) }
            return number
        }
        guard let type = json["type"]?.text else { throw missing("type") }
        switch type {
        case "ready":
            self = .ready(
                version: try number("protocol"), name: Self.shown(json["name"]?.text ?? ""),
                samples: try number("samples"),
                knows: Set((json["knows"]?.array ?? []).compactMap { $0.text.flatMap(TrainerSkill.init(rawValue:)) }))
        case "step":
            self = .step(
                id: try number("id"), number: try number("number"), loss: try real("loss"),
                gradientNorm: json["gradient_norm"]?.double)
        case "trained": self = .trained(id: try number("id"), records: try number("records"))
        case "evaluated":
            self = .evaluated(id: try number("id"), loss: try real("loss"), tokens: try number("tokens"))
        case "snapshotted": self = .snapshotted(id: try number("id"))
        case "restored": self = .restored(id: try number("id"))
        case "cancelled": self = .cancelled(id: try number("id"))
        case "alive": self = .alive
        case "error":
            guard let message = json["message"]?.text else { throw missing("message") }
            self = .error(id: json["id"]?.int, message: Self.shown(message))
        default: throw missing("type")
        }
    }

    /// A stranger's text as it can stand in a message: on one line, without control characters, of bounded length.
    static func shown(_ text: String) -> String {
        let plain = text.unicodeScalars.prefix(wordsLimit).map { scalar in
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator: " " as Character
            default: Character(scalar)
            }
        }
        return String(plain) + (text.unicodeScalars.count > wordsLimit ? "…" : "")
    }
}
