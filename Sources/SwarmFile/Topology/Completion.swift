import Storage

extension SwarmTopology {
    /// The keys at the top of the file that stand in no section: when a run is done, and who trains.
    package struct Completion: KeyedSection, Hashable {
        /// Who must have taken part for a run to count as done.
        package var waitFor = WaitFor.all
        /// Who takes the local steps of peers that do not say otherwise.
        package var trainer = Trainer.builtIn

        package init() {}

        package static let defaults = Completion()
        package static let keys: [SectionKey<Self>] = [
            .local(
                "wait-for", \.waitFor, .waitFor, "Who must have taken part for a run to count as done.",
                "`all`: everybody. A number: as many peers, whoever they are. A time: everybody that was met within it "
                    + "after the start. A run that is done without somebody names them, and exits with 0 only where "
                    + "this key, or `--quorum`, lets it."),
            .local(
                "trainer", \.trainer, .trainer, "Who takes the local steps of peers that do not say otherwise.",
                "`built-in`: this program. Else a command that speaks the protocol of docs/trainers.md. Simulations and "
                    + "comparisons train with the built-in engine."),
        ]
    }

    /// Who must have taken part for a run to count as done.
    package enum WaitFor: Sendable, Hashable {
        /// Everybody.
        case all
        /// As many peers, whoever they are.
        case peers(Int)
        /// Everybody that was met within so many seconds after the start.
        case seconds(Double)
    }
}

extension ValueFormat where Value == SwarmTopology.WaitFor {
    private static var units: [(String, Double)] { [("min", 60), ("h", 3600), ("s", 1)] }

    /// `all`, a number of peers, or a time with its unit.
    fileprivate static var waitFor: ValueFormat {
        ValueFormat(
            values: "all, a number of peers, or a time: 90s, 10min, 2h",
            schema: [
                "oneOf": [
                    ["const": "all"],
                    ["type": "integer", "minimum": 1, "maximum": .integer(SwarmTopology.maximumCount)],
                    ["type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?(s|min|h)$"],
                ]
            ],
            read: { try read($0) },
            write: { value in
                switch value {
                case .all: "all"
                case .peers(let count): "\(count)"
                case .seconds(let seconds): seconds == seconds.rounded() ? "\(Int(seconds))s" : "\(seconds)s"
                }
            },
            json: { $0 == .all ? "all" : nil })
    }

    private static func read(_ value: TopologyValue) throws -> Value {
        let text = try value.text()
        if text == "all" { return .all }
        if Int(text) != nil { return .peers(try value.integer(in: 1...SwarmTopology.maximumCount)) }
        for (unit, factor) in units where text.hasSuffix(unit) {
            guard let count = Double(text.dropLast(unit.count)), count >= 0, count * factor <= 604_800 else { break }
            return .seconds(count * factor)
        }
        throw value.error("\"\(text)\" is neither all, nor a number of peers, nor a time such as 90s, 10min or 2h")
    }
}
