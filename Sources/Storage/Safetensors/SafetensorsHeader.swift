/// The checked table of contents of a safetensors file.
///
/// Layout of a file: the length N of the header (UInt64, little-endian), N bytes of JSON, the data. The tensors must
/// cover the data without hole, overlap or rest.
package struct SafetensorsHeader: Sendable {
    /// One tensor's entry.
    package struct Entry: Sendable, Equatable {
        /// The name's UTF-8 bytes.
        package let name: [UInt8]
        /// The type as the file names it, for example `F32`.
        package let type: String
        /// The sizes of the dimensions, outermost first; empty for a scalar.
        package let shape: [Int]
        /// Where the row-major values lie, counted in bytes from the start of the file.
        package let range: Range<Int>

        /// The number of values.
        package var count: Int { shape.reduce(1, *) }
    }

    /// The entries in the order of their data.
    package let entries: [Entry]
    /// The strings of `__metadata__`, in the order of the file.
    package let metadata: [(key: String, value: String)]
    private let index: [[UInt8]: Int]

    /// The reference implementation's limit on the header's length.
    package static let lengthLimit = 100_000_000

    /// The bytes of one value of each type that the format defines and that fills whole bytes.
    static let sizes: [String: Int] = [
        "BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "F8_E8M0": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2,
        "I32": 4, "U32": 4, "F32": 4, "I64": 8, "U64": 8, "F64": 8, "C64": 8,
    ]

    init(entries: [Entry], metadata: [(key: String, value: String)]) {
        self.entries = entries
        self.metadata = metadata
        var index: [[UInt8]: Int] = [:]
        for (position, entry) in entries.enumerated() { index[entry.name] = position }
        self.index = index
    }

    /// The entry called `name`.
    package func entry(named name: String) -> Entry? { entry(bytes: Array(name.utf8)) }

    /// The entry whose name has these UTF-8 bytes.
    package func entry(bytes name: [UInt8]) -> Entry? { index[name].map { entries[$0] } }
}
