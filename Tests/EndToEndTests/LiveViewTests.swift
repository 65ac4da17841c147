import Foundation
import Synchronization
import TestSupport
import Testing

extension EndToEnd {
    /// `murmur swarm` on a terminal: a pseudoterminal whose output goes to a model of one.
    @Suite struct LiveViewTests {
        /// The two ends of a pseudoterminal.
        struct Terminal {
            let outer: Int32
            let inner: Int32

            init(columns: UInt16, rows: UInt16) throws {
                var (outer, inner) = (Int32(-1), Int32(-1))
                var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
                try #require(openpty(&outer, &inner, nil, nil, &size) == 0)
                (self.outer, self.inner) = (outer, inner)
            }

            func resize(columns: UInt16, rows: UInt16) {
                var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
                _ = ioctl(inner, UInt(TIOCSWINSZ), &size)
            }
        }

        @Test(.timeLimit(.minutes(3))) func theViewFitsTheTerminalAndFollowsIt() async throws {
            let folder = try TemporaryFolder()
            let swarm = try SmallSwarm(in: folder.url.path, firstPort: 25_490, rounds: 2_000, localSteps: 4)
            let terminal = try Terminal(columns: 80, rows: 10)
            let screen = Mutex(ScreenModel(columns: 80, rows: 10))
            let process = Process()
            process.executableURL = MurmurProcess.executable
            process.arguments = ["swarm", swarm.topology, "--out", swarm.out, "--threads", "1"]
            process.standardInput = FileHandle.nullDevice
            process.standardOutput = FileHandle(fileDescriptor: terminal.inner, closeOnDealloc: true)
            process.standardError = FileHandle.nullDevice
            let reader = Thread { [outer = terminal.outer] in
                let handle = FileHandle(fileDescriptor: outer, closeOnDealloc: false)
                var pending = Data()
                while let data = try? handle.read(upToCount: 65_536), !data.isEmpty {
                    pending += data
                    // Only whole pages: what is read may end within a character or an escape.
                    guard pending.suffix(3) == Data("\u{1B}[J".utf8) || pending.last == UInt8(ascii: "\n") else {
                        continue
                    }
                    // The model knows a line feed as a program writes it; the line discipline has added returns.
                    let text = String(decoding: pending, as: UTF8.self).replacing("\r\n", with: "\n")
                    screen.withLock { $0.write(text) }
                    pending = Data()
                }
            }
            reader.start()
            try process.run()
            func rows() -> [String] { screen.withLock(\.rows) }
            let isDrawn = await SmallSwarm.wait {
                rows()[0].hasPrefix("small  round ")
                    && rows().contains { $0.hasPrefix("peer-3 ") && $0.contains("/4 ") }
            }
            #expect(isDrawn, "\(rows())")
            // Another size: the page follows by itself.
            screen.withLock { $0.resize(columns: 30, rows: 6) }
            terminal.resize(columns: 30, rows: 6)
            let follows = await SmallSwarm.wait {
                rows().count == 6 && rows()[0].hasSuffix("…") && rows().contains { $0.hasPrefix("and ") }
            }
            #expect(follows, "\(rows())")
            let wraps = screen.withLock(\.wraps)
            try? await Task.sleep(for: .seconds(1))
            #expect(screen.withLock(\.wraps) == wraps && rows()[0].hasPrefix("small  "), "\(rows())")
            process.terminate()
            #expect(await SmallSwarm.wait { !process.isRunning })
        }
    }
}
