import Basics
import Foundation
import Storage
import TestSupport
import Testing

@Suite("Safetensors") struct SafetensorsTests {
    /// A file of the given header text and data length.
    private func file(_ header: String, data: Int) -> [UInt8] {
        let length = UInt64(header.utf8.count)
        return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * UInt64($0))) } + Array(header.utf8)
            + [UInt8](repeating: 0, count: data)
    }

    @Test("What is written reads back in every encoding", arguments: FloatEncoding.allCases)
    func roundTrip(encoding: FloatEncoding) throws {
        let values: [Float] = [0, -0.0, 1, -1.5, 0.25, 1024, .infinity, -65504]
        var writer = SafetensorsWriter(refusesNotFinite: false)
        writer.add("b.weight", shape: [2, 4], values: values[...], encoding: encoding)
        writer.add("a.scalar", shape: [], values: [3][...], encoding: encoding)
        writer.add("c.empty", shape: [0, 5], values: [], encoding: encoding)
        let file = try SafetensorsFile(bytes: writer.encoded())
        #expect(
            try file.floats(named: "b.weight").map(\.bitPattern) == values.map(\.bitPattern) || encoding == .bfloat16)
        #expect(try file.floats(named: "b.weight")[3] == -1.5)
        #expect(try file.floats(named: "a.scalar") == [3])
        #expect(try file.floats(named: "c.empty") == [])
        #expect(file.shape(of: "b.weight") == [2, 4])
        #expect(file.header.metadata.map(\.key) == ["format"])
        #expect(file.tensors.map(\.range.lowerBound).allSatisfy { $0 >= 8 })
        #expect(!file.contains("d"))
    }

    @Test("A file's bytes are those that the format asks for")
    func bytes() throws {
        var writer = SafetensorsWriter(metadata: [])
        writer.add("w", shape: [1, 2], values: [1, -2], encoding: .bfloat16)
        let header = #"{"w":{"dtype":"BF16","shape":[1,2],"data_offsets":[0,4]}}"#
        let padded = header + String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
        #expect(
            try writer.encoded()
                == [UInt8(padded.utf8.count), 0, 0, 0, 0, 0, 0, 0] + Array(padded.utf8) + [0x80, 0x3f, 0, 0xc0])
    }

    @Test("BF16 rounds to nearest, ties to even, and keeps NaN")
    func bfloat16() {
        var bytes: [UInt8] = []
        let values: [Float] = [
            Float(bitPattern: 0x3f80_8000), Float(bitPattern: 0x3f81_8000), Float(bitPattern: 0x3f80_8001),
            Float(bitPattern: 0x7f80_0001),
        ]
        FloatEncoding.bfloat16.encode(values[...], into: &bytes)
        #expect(Array(bytes.prefix(6)) == [0x80, 0x3f, 0x82, 0x3f, 0x81, 0x3f])
        var back: [Float] = []
        FloatEncoding.bfloat16.decode(bytes[...], into: &back)
        #expect(back[3].isNaN)
    }

    @Test("A file on disk reads as one in memory, the larger ones too")
    func onDisk() throws {
        let folder = try TemporaryFolder()
        var generator = SeededGenerator(seed: 1)
        let values = (0..<700_001).map { _ in Float(generator.normal()) }
        for encoding in FloatEncoding.allCases {
            var writer = SafetensorsWriter(metadata: [])
            writer.add("w", shape: [values.count], values: values[...], encoding: encoding)
            let path = folder.path("\(encoding).safetensors")
            try writer.write(to: path)
            let read = try SafetensorsFile.open(path: path).floats(named: "w")
            #expect(try read == SafetensorsFile(bytes: try writer.encoded()).floats(named: "w"))
            let tolerance: Float = encoding == .float32 ? 0 : encoding == .float16 ? 0x1p-11 : 0x1p-8
            #expect(zip(read, values).allSatisfy { abs($0 - $1) <= tolerance * max(abs($1), 1e-4) })
        }
    }

    @Test("A file is written tensor by tensor, and a failure on the way leaves the old one")
    func streamed() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("model.safetensors")
        var writer = SafetensorsWriter()
        writer.add("a", shape: [3], encoding: .bfloat16) { [1, 2, 3] }
        writer.add("b", shape: [1_500, 1_000], encoding: .float32) { [Float](repeating: 0.5, count: 1_500_000)[...] }
        try writer.write(to: path)
        let bytes = try ReadableFile.contents(of: path)
        #expect(try bytes == writer.encoded())
        #expect(try SafetensorsFile.open(path: path).floats(named: "b")[1_499_999] == 0.5)
        writer.add("c", shape: [1], encoding: .float32) { throw FileError.cutShort(path: "elsewhere") }
        #expect(throws: FileError.cutShort(path: "elsewhere")) { try writer.write(to: path) }
        #expect(try ReadableFile.contents(of: path) == bytes)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["model.safetensors"])
    }

    @Test(
        "A hostile header is refused",
        arguments: [
            (
                #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#,
                12
            ),
            (
                #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}"#,
                12
            ),
            (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, 8),
            (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 5),
            (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 7),
            (#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, 8),
            (#"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#, 8),
            (#"{"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}"#, 8),
            (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, 8),
            (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}"#, 8),
            (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}}"#, 8),
            (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,1e30]}}"#, 8),
            (#"{"a":{"dtype":"F32","shape":[9223372036854775807,4],"data_offsets":[0,8]}}"#, 8),
            (#"{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,8]}}"#, 8),
            (#"{"a":{"dtype":"F7","shape":[2],"data_offsets":[0,8]}}"#, 8),
            (#"{"a":{"shape":[2],"data_offsets":[0,8]}}"#, 8),
            (
                #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
                8
            ),
            (#"{"__metadata__":{"a":1}}"#, 0), (#"{"__metadata__":[]}"#, 0), (#" {}"#, 0), ("[]", 0), ("", 0), ("{", 0),
            ("{\"a\":[[[[[[[[[[[[[]]]]]]]]]]]]]}", 0),
        ])
    func hostile(header: String, data: Int) {
        #expect(throws: SafetensorsError.self) { _ = try SafetensorsFile(bytes: file(header, data: data)) }
    }

    @Test("A length beyond the file or the limit is refused before anything is read")
    func lengths() {
        for length in [UInt64.max, 1 << 63, 100_000_001, 9] {
            let prefix = (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * UInt64($0))) }
            #expect(throws: SafetensorsError.self) { _ = try SafetensorsFile(bytes: prefix + Array("{}      ".utf8)) }
        }
        for count in 0..<8 {
            #expect(throws: SafetensorsError.self) {
                _ = try SafetensorsFile(bytes: [UInt8](repeating: 0, count: count))
            }
        }
    }

    @Test("An error names the tensor and the file")
    func names() throws {
        let bytes = file(#"{"layer.weight":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}"#, data: 8)
        let tensors = try SafetensorsFile(bytes: bytes, name: "model.safetensors")
        let error = #expect(throws: SafetensorsError.self) { _ = try tensors.floats(named: "layer.weight") }
        #expect(error?.description == "model.safetensors: tensor layer.weight has type I64; F32, F16 and BF16 are read")
        #expect(throws: SafetensorsError.missingTensor(name: "x", file: "model.safetensors")) {
            _ = try tensors.floats(named: "x")
        }
    }

    @Test("Values that are not finite are found wherever they are", arguments: [Float.nan, .infinity, -.infinity])
    func notFinite(value: Float) {
        for count in [1, 7, 8, 9, 64, 1_000] {
            var values = [Float](repeating: -.greatestFiniteMagnitude, count: count)
            #expect(NotFiniteValues.find(in: values[...]) == nil)
            values[count - 1] = value
            let found = NotFiniteValues.find(in: values[...])
            #expect(found?.count == 1 && found?.first == count - 1 && found?.total == count)
            values[count / 2] = value
            #expect(NotFiniteValues.find(in: values[(count / 2)...])?.first == 0)
        }
        #expect(NotFiniteValues.find(in: []) == nil)
        #expect(NotFiniteValues.place(11, in: [2, 3, 4]) == "[0, 2, 3]")
        #expect(NotFiniteValues.place(0, in: []) == "[]")
    }

    @Test("What is not finite is not written, and the file that is there stays")
    func refusesNotFinite() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("w.safetensors")
        var writer = SafetensorsWriter()
        writer.add("w", shape: [2, 2], values: [1, 2, 3, .nan])
        try folder.write("old", to: "w.safetensors")
        let error = #expect(throws: SafetensorsError.self) { try writer.write(to: path) }
        #expect(
            error?.description == "\(path): tensor w: 1 of its 4 values is not finite, the first (nan) at [1, 1]; "
                + "nothing can be computed with it")
        #expect(try ReadableFile.contents(of: path) == Array("old".utf8))
    }

    @Test("A finite value that its type makes infinite is refused", arguments: [FloatEncoding.float16, .bfloat16])
    func tooLarge(encoding: FloatEncoding) throws {
        for (value, isTooLarge) in [(encoding.limit, true), (-encoding.limit, true), (encoding.limit.nextDown, false)] {
            var writer = SafetensorsWriter()
            writer.add("w", shape: [2], values: [0, value], encoding: encoding)
            if isTooLarge {
                let error = #expect(throws: SafetensorsError.self) { _ = try writer.encoded(name: "out") }
                #expect(error?.description.hasPrefix("out: tensor w: the value \(value) at [1]") == true)
            } else {
                #expect(try SafetensorsFile(bytes: writer.encoded()).floats(named: "w")[1].isFinite)
            }
        }
    }

    @Test("Changed files never trap, and every tensor that passes can be read")
    func mutations() throws {
        var writer = SafetensorsWriter()
        writer.add("a", shape: [2, 3], values: [1, 2, 3, 4, 5, 6][...])
        writer.add("b", shape: [4], values: [1, 2, 3, 4][...], encoding: .bfloat16)
        let original = try writer.encoded()
        var generator = SeededGenerator(seed: 9)
        var accepted = 0
        for _ in 0..<20_000 {
            let bytes = Mutation.apply(to: original, using: &generator)
            guard let tensors = try? SafetensorsFile(bytes: bytes) else { continue }
            accepted += 1
            for entry in tensors.tensors where FloatEncoding(rawValue: entry.type) != nil {
                #expect(try tensors.floats(named: String(decoding: entry.name, as: UTF8.self)).count == entry.count)
            }
        }
        #expect(accepted > 100)
    }
}
