using MappingNets.Examples.Bench;
foreach (var (p,d) in new[]{(100_000L,2048),(1_000_000L,2048),(10_000_000L,256),(10_000_000L,2048),(10_000_000L,16384),(100_000_000L,2048)})
  foreach (var kind in new[]{"signed-permutation","hadamard"}) {
    var g = Generation.Measure(kind,p,d,5);
    Console.WriteLine($"{kind} {p} {d} fwd {g.Forward.Median:F2} [{g.Forward.Minimum:F2},{g.Forward.Maximum:F2}] {g.Forward.A:F2} GB/s  tr {g.Transpose.Median:F2} {g.Transpose.A:F2} copy {g.CopyGigabytesPerSecond:F2}");
  }
