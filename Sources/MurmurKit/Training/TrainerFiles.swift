import Adapters
import Foundation
import LanguageModel
import Storage
import SwarmFile

/// The scratch folder of a trainer's process: the records that it is given, the tensors that go to and fro.
///
/// The peer makes it, alone may read it, names every file in it and removes it. What the trainer leaves there is read as a
/// stranger's.
struct TrainerFiles: Sendable {
    let folder: String

    var records: String { folder + "/records.jsonl" }
    var heldOut: String { folder + "/held-out.jsonl" }
    var validation: String { folder + "/validation.jsonl" }
    var gainRecords: String { folder + "/gain.jsonl" }
    var adapter: String { folder + "/adapter.safetensors" }
    var result: String { folder + "/result.safetensors" }
    var correction: String { folder + "/correction.safetensors" }
    var gradient: String { folder + "/gradient.safetensors" }
    var snapshot: String { folder + "/snapshot.bin" }

    /// Makes the folder anew.
    func make() throws {
        remove()
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw CommandFailure("cannot make the trainer's folder \(folder): \(error.localizedDescription)")
        }
    }

    func remove() { try? FileManager.default.removeItem(atPath: folder) }
    func removeResult() { try? FileManager.default.removeItem(atPath: result) }
    func removeGradient() { try? FileManager.default.removeItem(atPath: gradient) }
    func removeSnapshot() { try? FileManager.default.removeItem(atPath: snapshot) }

    /// Writes sequences as JSON lines: `{"tokens":[1,2,3],"loss":[0,0,1]}`.
    static func write(_ sequences: [TokenSequence], to path: String) throws {
        try AtomicFile.write(to: path) { append in
            for sequence in sequences {
                let line: JSONValue = [
                    "tokens": .array(sequence.tokens.map { .integer(Int($0)) }),
                    "loss": .array(sequence.lossMask.map { .integer($0 ? 1 : 0) }),
                ]
                try append(line.encoded() + [UInt8(ascii: "\n")])
            }
        }
    }

    /// Writes a whole adapter of `schema`, as PEFT names its tensors, whose values are made tensor by tensor. It is made
    /// anew for each round, so that nobody waits for the disk.
    static func write(
        of schema: AdapterSchema, to path: String, makingValues values: @escaping (Int) -> ArraySlice<Float>
    ) throws {
        var writer = SafetensorsWriter()
        for (index, tensor) in schema.tensors.enumerated() {
            writer.add(tensor.name, shape: [tensor.rows, tensor.columns], encoding: .float32) { values(index) }
        }
        try writer.write(to: path, isDurable: false)
    }

    /// The values of the adapter in the file at `path`, which has exactly the tensors of `schema`, each with finite values.
    ///
    /// - Throws: `TrainerFault.badResult`.
    static func adapter(at path: String, of schema: AdapterSchema) throws(TrainerFault) -> [Float] {
        do {
            let size = try ReadableFile(path: path).size
            let limit = 4 * schema.count + schema.tensors.reduce(1 << 20) { $0 + 512 + $1.name.utf8.count }
            guard size <= limit else {
                throw TrainerFault.badResult("\(path) has \(size) bytes, more than the \(limit) of such an adapter")
            }
            let file = try SafetensorsFile.open(path: path)
            var values: [Float] = []
            values.reserveCapacity(schema.count)
            for tensor in schema.tensors {
                let shape = [tensor.rows, tensor.columns]
                guard let found = file.shape(of: tensor.name) else {
                    throw TrainerFault.badResult("\(path) has no tensor \(tensor.name)")
                }
                guard found == shape else {
                    throw TrainerFault.badResult("\(tensor.name) has shape \(found) where \(shape) is expected")
                }
                let part = try file.floats(named: tensor.name)
                if let odd = NotFiniteValues.find(in: part[...]) {
                    throw TrainerFault.badResult(
                        "\(tensor.name): \(odd.description(shape: shape)); lower the learning rate")
                }
                values += part
            }
            let known = Set(schema.tensors.map { Array($0.name.utf8) })
            if let extra = file.tensors.first(where: { !known.contains($0.name) }) {
                let name = TrainerReply.shown(String(decoding: extra.name, as: UTF8.self))
                throw TrainerFault.badResult("\(path) has a tensor \(name), which is none of the adapter's")
            }
            return values
        } catch let fault as TrainerFault {
            throw fault
        } catch {
            throw .badResult("\(error)")
        }
    }

    /// The most bytes of a trainer's snapshot, for an adapter of `count` values.
    static func snapshotLimit(_ count: Int) -> Int { 32 * count + 64 << 20 }
}
