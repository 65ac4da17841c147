import MurmurKit
import Storage
import Synchronization
import Testing

@Suite struct ExitStatusTests {
    struct Foreign: Error, CustomStringConvertible {
        let description = "something broke"
    }

    @Test func errorsHaveTheirCodes() {
        #expect(ExitStatus(of: CommandFailure("no")) == .failure)
        #expect(ExitStatus(of: Foreign()) == .failure)
        #expect(ExitStatus(of: CancellationError()) == .interrupted)
        for status in ExitStatus.allCases { #expect(ExitStatus(of: status) == status) }
        #expect(ExitStatus.allCases.map(\.rawValue) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 130])
        #expect(Set(ExitStatus.allCases.map(\.meaning)).count == ExitStatus.allCases.count)
    }

    @Test func errorsAreToldInOneLine() {
        #expect(ExitStatus.message(for: CommandFailure("no such file")) == "murmur: no such file")
        #expect(ExitStatus.message(for: Foreign()) == "murmur: something broke")
        #expect(ExitStatus.message(for: CancellationError()) == "murmur: stopped")
        #expect(ExitStatus.message(for: ExitStatus.failure) == nil)
    }

    @Test func jsonKeepsNumbersThatAreNotFinite() throws {
        let text = try JSONText.of(["b": Double.infinity, "a": 1.5])
        #expect(text == "{\n  \"a\" : 1.5,\n  \"b\" : \"inf\"\n}")
        #expect(JSONText.of(.object(JSONObject([("b", .integer(1)), ("a", .null)]))).contains("\"b\""))
    }

    @Test func aCounterTellsEverySum() async {
        let sums = Mutex<[Int]>([])
        let counter = Counter { sum in sums.withLock { $0.append(sum) } }
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<10 { group.addTask { counter.add(2) } }
        }
        #expect(sums.withLock { $0 }.sorted() == Array(stride(from: 2, through: 20, by: 2)))
        let flag = StopFlag()
        #expect(!flag.isRaised)
        flag.raise()
        #expect(flag.isRaised)
        let line = ProgressLine("quiet", quietly: true)
        line.update(1, of: 2)
        line.finish()
    }

    @Test func theWorstCounts() {
        #expect(ExitStatus.worst([]) == .success)
        #expect(ExitStatus.worst([.success, .partial, .stopped]) == .partial)
        #expect(ExitStatus.worst([.alone, .failure, .unequal]) == .failure)
        for status in ExitStatus.allCases { #expect(ExitStatus.worst([.success, status]) == status) }
    }
}
