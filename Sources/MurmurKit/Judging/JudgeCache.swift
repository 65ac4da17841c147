import Foundation
package import InstructionTuning
import Observability
package import Storage
import Synchronization

/// Every request to a judge and its reply, a line each in a file that only grows. A line is on the disk before the next
/// request is sent in its place.
package final class JudgeCache: Sendable {
    /// The name of the file.
    package static let fileName = "replies.jsonl"
    /// The most bytes of the file that are read.
    private static let fileLimit = 2 << 30

    private let path: String
    private let file: LineFile
    private let replies: Mutex<[String: JudgeReply]>
    /// Lines that are no replies, but for a last one that was cut short.
    package let unreadable: Int

    /// Opens the file in `folder`, which is there. Throws `CommandFailure` or `FileError`.
    package init(folder: String) throws {
        path = "\(folder)/\(Self.fileName)"
        let (known, unreadable) = try Self.read(path)
        replies = Mutex(known)
        self.unreadable = unreadable
        do {
            file = try LineFile(appendingTo: URL(fileURLWithPath: path))
        } catch {
            throw CommandFailure("\(path) cannot be written: \((error as NSError).localizedDescription)")
        }
    }

    /// The replies in the file at `path`, none where there is no file, and how many of its lines are none.
    private static func read(_ path: String) throws -> (replies: [String: JudgeReply], unreadable: Int) {
        guard FileManager.default.fileExists(atPath: path) else { return ([:], 0) }
        var (known, unreadable) = ([String: JudgeReply](), 0)
        let bytes = try ReadableFile.contents(of: path, limit: fileLimit)
        let lines = bytes.split(separator: 0x0a)
        for (place, line) in lines.enumerated() {
            if let (key, reply) = entry(of: line) {
                // Of two with one key the first counts: it is the one that figures were made of.
                if known[key] == nil { known[key] = reply }
            } else if place + 1 < lines.count || bytes.last == 0x0a {
                unreadable += 1
            }
        }
        return (known, unreadable)
    }

    /// The keys that have a reply in `folder`, which need not be there and is left as it is.
    package static func keys(inFolder folder: String) throws -> Set<String> {
        Set(try read("\(folder)/\(fileName)").replies.keys)
    }

    /// The keys that have a reply.
    package var keys: Set<String> { replies.withLock { Set($0.keys) } }

    /// The reply to the request with this key.
    package func reply(to key: String) -> JudgeReply? { replies.withLock { $0[key] } }

    /// Keeps a reply. Throws `CommandFailure` where the disk does not take it: asking on would cost for nothing.
    package func keep(_ reply: JudgeReply, to request: JSONValue, key: String, tries: Int) throws {
        let line = JSONValue.object(
            JSONObject([
                ("key", .text(key)), ("request", request), ("model", .text(reply.model)),
                ("reply", .text(reply.content)), ("finish", .text(reply.finish)),
                ("tokens_in", reply.tokensIn.map { .integer($0) } ?? .null),
                ("tokens_out", reply.tokensOut.map { .integer($0) } ?? .null), ("tries", .integer(tries)),
            ]))
        guard file.append(Data(line.encoded())), file.synchronise() else {
            throw CommandFailure("\(path) cannot be written: \(file.failure ?? "the disk does not keep it")")
        }
        replies.withLock { $0[key] = $0[key] ?? reply }
    }

    private static func entry(of line: ArraySlice<UInt8>) -> (key: String, reply: JudgeReply)? {
        guard let json = try? JSONValue.parse(Array(line)), let key = json["key"]?.text,
            let content = json["reply"]?.text
        else { return nil }
        let reply = JudgeReply(
            content: content, finish: json["finish"]?.text ?? "", model: json["model"]?.text ?? "",
            tokensIn: json["tokens_in"]?.int, tokensOut: json["tokens_out"]?.int)
        return (key, reply)
    }
}
