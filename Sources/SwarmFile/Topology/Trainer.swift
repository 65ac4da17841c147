import Storage

extension SwarmTopology {
    /// `trainer:` who takes a peer's local steps.
    package enum Trainer: Sendable, Hashable {
        /// The engine of this program.
        case builtIn
        /// A process that speaks the protocol of docs/trainers.md.
        case command(TrainerCommand)
    }

    /// `trainer: { command: … }`: a trainer's process and how long it may take.
    package struct TrainerCommand: KeyedSection, Hashable {
        /// The program and its arguments; never empty.
        package var command: [String]
        /// How many seconds may pass between two lines of the trainer while it has something to do.
        package var silenceLimit = 120.0
        /// How many seconds it may take for a round's local steps.
        package var roundLimit = 3600.0
        /// How many seconds it may take until it is ready.
        package var startLimit = 600.0
        /// How often it is started again in one round.
        package var restarts = 3

        /// The program and its arguments.
        package init(_ command: [String]) {
            self.command = command
        }

        /// A line of text as a shell reads it.
        package init(shell line: String) {
            self.init(["/bin/sh", "-c", line])
        }

        package static let defaults = TrainerCommand([])
        package static let keys: [SectionKey<Self>] = [
            .local(
                "command", \.command, .command, "The program and its arguments, or a line that /bin/sh reads.",
                "A word that names a file beside the topology file means that file."
            ).required(),
            .local(
                "silence-limit", \.silenceLimit, .number(above: 0, to: 604_800, unit: "seconds"),
                "How long the trainer may say nothing while it has something to do."),
            .local(
                "round-limit", \.roundLimit, .number(above: 0, to: 604_800, unit: "seconds"),
                "How long a round's local steps may take."),
            .local(
                "start-limit", \.startLimit, .number(above: 0, to: 604_800, unit: "seconds"),
                "How long it may take until the trainer is ready, and to save or take up its state."),
            .local(
                "restarts", \.restarts, .integer(0...1000), "How often it is started again in one round."),
        ]
    }

    /// Who takes the local steps of the peer called `name`.
    package func trainer(of name: String) -> Trainer {
        peers.first { $0.name == name }?.trainer ?? completion.trainer
    }
}

extension ValueFormat where Value == SwarmTopology.Trainer {
    /// `built-in`, or a section with a command.
    static var trainer: ValueFormat {
        ValueFormat(
            values: "built-in, or { command: … }",
            schema: ["oneOf": [["const": "built-in"], .object(SwarmTopology.TrainerCommand.schema)]],
            read: { value in
                guard value.isSingle else { return .command(try .read(value)) }
                let text = try value.text()
                guard text == "built-in" else {
                    throw value.error(
                        "\"\(text.prefix(80))\" is no trainer; built-in or { command: [program, argument, …] } is allowed"
                    )
                }
                return .builtIn
            },
            write: { trainer in
                switch trainer {
                case .builtIn: "built-in"
                case .command(let command): command.braced
                }
            },
            json: { $0 == .builtIn ? "built-in" : nil })
    }
}

extension ValueFormat where Value == [String] {
    /// A list of words, or a line for the shell.
    fileprivate static var command: ValueFormat {
        ValueFormat(
            values: "a list of words, or a line",
            schema: [
                "oneOf": [
                    ["type": "string", "minLength": 1],
                    ["type": "array", "minItems": 1, "maxItems": 1000, "items": ["type": "string"]],
                ]
            ],
            read: { value in
                guard value.isList else { return SwarmTopology.TrainerCommand(shell: try value.text()).command }
                let words = try value.list().map { try $0.text() }
                guard !words.isEmpty, words.count <= 1000 else {
                    throw value.error("a command is 1 to 1000 words: [program, argument, …]")
                }
                if words.contains(where: { $0.contains("\0") }) { throw value.error("a word has a zero byte") }
                return words
            },
            write: { "[\($0.map(TopologyValue.quoted).joined(separator: ", "))]" },
            json: { _ in nil })
    }
}
