/// A parser, or a state machine, that is fed whatever the fuzzer makes up. A trap in it is what is looked for.
struct FuzzTarget: Sendable {
    /// The name by which `scripts/fuzz` knows it.
    let name: String
    /// Whether its bytes come from the network; the others come from files.
    let isFromNetwork: Bool
    /// Inputs to begin with.
    let seeds: @Sendable () -> [[UInt8]]
    /// Takes one input.
    let run: @Sendable ([UInt8]) -> Void

    /// All targets.
    static let all: [FuzzTarget] = [
        .packets, .handshake, .frames, .session, .manifest, .proofs, .status, .payload, .difference, .settings, .gain,
        .peer,
        .checkpoint,
        .safetensors, .gguf,
        .config,
        .tokenizer, .records, .peft, .topology, .faults, .template, .identity, .verdict,
        .recording, .trainerReply,
    ]
}

/// Cuts an input into parts, as the targets that take several datagrams or calls want it: what is not there is zero.
struct Cutter {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Whether anything is left.
    var isEmpty: Bool { position >= bytes.count }

    /// The next byte.
    mutating func byte() -> UInt8 {
        guard position < bytes.count else { return 0 }
        defer { position += 1 }
        return bytes[position]
    }

    /// The next two bytes as a number.
    mutating func short() -> Int { Int(byte()) | Int(byte()) << 8 }

    /// As many of the next `count` bytes as there are.
    mutating func part(_ count: Int) -> [UInt8] {
        let end = min(bytes.count, position + count)
        defer { position = end }
        return Array(bytes[min(position, end)..<end])
    }

    /// A part that begins with its length.
    static func framed(_ kind: UInt8, _ part: [UInt8]) -> [UInt8] {
        [kind, UInt8(truncatingIfNeeded: part.count), UInt8(truncatingIfNeeded: part.count >> 8)] + part
    }
}
