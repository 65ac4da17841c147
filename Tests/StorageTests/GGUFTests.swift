import Basics
import Foundation
import Storage
import TestSupport
import Testing

@Suite("GGUF") struct GGUFTests {
    static let fixtures = SharedData.projectRoot.appendingPathComponent("Tests/Fixtures/gguf").path

    private func bytes() throws -> [UInt8] {
        try ReadableFile.contents(of: "\(Self.fixtures)/every-type.gguf")
    }

    private func header(_ bytes: [UInt8]) throws -> GGUFHeader? {
        try GGUFHeader(prefix: bytes, fileSize: bytes.count, file: "f.gguf")
    }

    @Test("Every type decodes to the bits of the gguf package", arguments: GGUFTensorType.allCases)
    func decoding(type: GGUFTensorType) throws {
        let file = try GGUFFile.open(path: "\(Self.fixtures)/every-type.gguf")
        let expected = try SafetensorsFile.open(path: "\(Self.fixtures)/every-type.safetensors")
        let values = try file.floats(named: type.name)
        #expect(try values.map(\.bitPattern) == expected.floats(named: type.name).map(\.bitPattern))
        let entry = try #require(file.header.entry(named: type.name))
        #expect(entry.type == type)
        #expect(entry.shape == expected.shape(of: type.name))
        #expect(try file.blocks(named: type.name).count == entry.range.count)
    }

    @Test("Metadata of every kind") func metadata() throws {
        let header = try #require(try header(bytes()))
        #expect(header["general.architecture"]?.text == "llama")
        #expect(header["kind.u8"] == .unsigned(200))
        #expect(header["kind.i8"] == .signed(-100))
        #expect(header["kind.u16"] == .unsigned(60000))
        #expect(header["kind.i16"] == .signed(-30000))
        #expect(header["kind.u32"]?.integer == 4_000_000_000)
        #expect(header["kind.i32"]?.integer == -2_000_000_000)
        #expect(header["kind.u64"] == .unsigned(1 << 63 + 1))
        #expect(header["kind.u64"]?.integer == nil)
        #expect(header["kind.i64"] == .signed(-1 << 62))
        #expect(header["kind.f32"]?.number == Double(Float(1e-5)))
        #expect(header["kind.f64"]?.number == 0.1)
        #expect(header["kind.bool"]?.flag == true)
        #expect(header["kind.string"]?.text == "Grüße")
        #expect(header["kind.texts"]?.texts == ["a", "", "ü"])
        #expect(header["kind.integers"]?.integers == [1, -2, 3])
        #expect(header["kind.integers"]?.numbers == [1, -2, 3])
        #expect(header["kind.reals"]?.numbers == [0.5, -1.5])
        #expect(header["kind.flags"] == .flags([true, false]))
        #expect(header["kind.missing"] == nil)
        #expect(header.keys.first == "general.architecture")
    }

    @Test("What is written is read back", arguments: GGUFTensorType.written)
    func writing(type: GGUFTensorType) throws {
        let folder = try TemporaryFolder()
        var generator = SeededGenerator(seed: 4)
        let values = (0..<5 * 96).map { _ in Float(generator.normal()) } + [Float](repeating: 0, count: 96)
        let source = try GGUFFile.open(path: "\(Self.fixtures)/every-type.gguf")
        var writer = GGUFWriter()
        try writer.copyPairs(of: source, except: ["kind.u8"])
        writer.set("own.text", "Ü")
        writer.set("own.number", UInt32(7))
        writer.set("own.real", Float(0.5))
        writer.add("a", shape: [6, 96], type: type) { .values(values) }
        writer.add("b", shape: [3], type: .float32) { .values([1, 2, 3]) }
        let blocks = try source.blocks(named: "Q6_K")
        let shape = try #require(source.header.entry(named: "Q6_K")).shape
        writer.add("c", shape: shape, type: .q6K) { .bytes(blocks) }
        try writer.write(to: folder.path("f.gguf"))
        let file = try GGUFFile.open(path: folder.path("f.gguf"))
        for key in source.header.keys where key != "kind.u8" { #expect(file.header[key] == source.header[key]) }
        #expect(file.header["kind.u8"] == nil && file.header["own.text"]?.text == "Ü")
        #expect(file.header["own.number"]?.integer == 7 && file.header["own.real"]?.number == 0.5)
        let found = try file.floats(named: "a")
        for start in stride(from: 0, to: values.count, by: 32) {
            let largest = values[start..<start + 32].map(abs).max() ?? 0
            // Half a step of 1/127 of the largest, and half a unit of the eleventh bit of the scale.
            let limit: Float = type == .float32 ? 0 : type == .float16 ? largest / 2048 : largest * 0.0045
            for index in start..<start + 32 { #expect(abs(found[index] - values[index]) <= limit) }
        }
        #expect(try file.floats(named: "b") == [1, 2, 3] && file.blocks(named: "c") == blocks)
        #expect(file.header.entries.allSatisfy { $0.range.lowerBound.isMultiple(of: 32) })

        var wrong = GGUFWriter()
        wrong.add("a", shape: [32], type: type) { .values([Float](repeating: .nan, count: 32)) }
        #expect(throws: GGUFError.self) { try wrong.write(to: folder.path("wrong.gguf")) }
        #expect(!FileManager.default.fileExists(atPath: folder.path("wrong.gguf")))
    }

    @Test("A beginning asks for more wherever it ends, and a file that ends there is cut short")
    func cutAnywhere() throws {
        let bytes = try bytes()
        let dataStart = try #require(try header(bytes)).entries.map(\.range.lowerBound).min() ?? 0
        for length in stride(from: 0, to: dataStart - 31, by: 7) {
            let prefix = Array(bytes.prefix(length))
            #expect(try GGUFHeader(prefix: prefix, fileSize: bytes.count, file: "f") == nil)
            #expect(throws: GGUFError.self) { try GGUFHeader(prefix: prefix, fileSize: length, file: "f") }
        }
        let error = #expect(throws: GGUFError.self) { try header(Array(bytes.dropLast(40))) }
        #expect(error?.description.contains("cut short") == true)
    }

    @Test("A type that is not read is named") func unknownType() throws {
        var bytes = try bytes()
        let name = Array("Q4_0".utf8)
        let at = try #require(bytes.indices.first { bytes[$0...].starts(with: name) }) + name.count + 4 + 16
        #expect(bytes[at] == 2)
        bytes[at] = 20
        let error = #expect(throws: GGUFError.self) { try header(bytes) }
        #expect(error?.description.contains("tensor Q4_0 has type IQ4_NL") == true)
    }

    /// A file of one tensor of two values, with what `change` makes of its parts.
    private func small(
        version: UInt32 = 3, tensors: UInt64 = 1, alignment: UInt32 = 32, shape: [UInt64] = [2], offset: UInt64 = 0,
        data: Int = 8
    ) -> [UInt8] {
        var bytes = Array("GGUF".utf8)
        bytes.append(integer: version)
        bytes.append(integer: tensors)
        bytes.append(integer: UInt64(1))
        func append(_ text: String) {
            bytes.append(integer: UInt64(text.utf8.count))
            bytes += Array(text.utf8)
        }
        append("general.alignment")
        bytes.append(integer: UInt32(4))
        bytes.append(integer: alignment)
        for index in 0..<min(tensors, 4) {
            append("t\(index)")
            bytes.append(integer: UInt32(shape.count))
            for size in shape { bytes.append(integer: size) }
            bytes.append(integer: UInt32(0))
            bytes.append(integer: offset)
        }
        while !bytes.count.isMultiple(of: 32) { bytes.append(0) }
        return bytes + [UInt8](repeating: 0, count: data)
    }

    @Test("What cannot be true is refused") func refusals() throws {
        #expect(try header(small())?.entries.first?.shape == [2])
        for bytes in [
            small(version: 1), small(version: 4), small(version: UInt32(3).byteSwapped), small(tensors: 1 << 40),
            small(tensors: 2), small(alignment: 0), small(alignment: 24), small(alignment: 1 << 20),
            small(shape: []), small(shape: [0]), small(shape: [1 << 62, 4]), small(shape: [2, 1, 1, 1, 1]),
            small(shape: [1 << 47, 1 << 47]), small(offset: 8), small(offset: 1 << 63), small(data: 7),
            small(shape: [3]),
        ] {
            #expect(throws: GGUFError.self) { try header(bytes) }
        }
    }

    @Test("Damaged headers are refused or read, and never trap", arguments: 0..<200) func damage(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let bytes = try bytes()
        let start = try #require(try header(bytes)).entries[0].range.lowerBound
        for _ in 0..<20 {
            let damaged =
                Mutation.apply(to: Array(bytes[..<start]), using: &generator) + bytes[start...]
            guard let header = try? header(damaged) else { continue }
            for entry in header.entries { #expect(entry.range.upperBound <= damaged.count) }
        }
    }
}
