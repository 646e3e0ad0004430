using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace MappingNets.Experiments.Bench;

/// <summary>
/// Synthetic pretrained weights of any size in a temporary BF16 safetensors file: uniform within 1 / sqrt(fan-in), and 1 for the scales of
/// normalisations. One run of numbers repeats, so that writing takes no memory; the file goes with this object.
/// </summary>
internal sealed class SyntheticBase : IDisposable
{
    private const int Run = 1 << 20;

    /// <summary>Writes the file.</summary>
    /// <param name="network">Whose weights they are; a network without buffers.</param>
    public SyntheticBase(TargetNetwork network)
    {
        Path = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"synthetic-base-{Environment.ProcessId}.safetensors");
        using var file = new FileStream(Path, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 16);
        var header = JsonSerializer.SerializeToUtf8Bytes(Header(network));
        Span<byte> length = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        file.Write(length);
        file.Write(header);
        var random = new Random(1);
        float[] uniform = [.. Enumerable.Range(0, Run).Select(_ => (2 * random.NextSingle()) - 1)];
        var run = new ushort[Run];
        foreach (var parameter in network.Parameters)
        {
            var bound = (float)(1 / Math.Sqrt(parameter.FanIn));
            for (var index = 0; index < Math.Min(Run, parameter.Count); index++)
                run[index] = (ushort)(BitConverter.SingleToUInt32Bits(parameter.Center != 0 ? 1 : bound * uniform[index]) >> 16);
            for (var written = 0L; written < parameter.Count; written += Run)
                file.Write(MemoryMarshal.AsBytes(run.AsSpan(0, (int)Math.Min(Run, parameter.Count - written))));
        }
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    public void Dispose() => File.Delete(Path);

    private static Dictionary<string, object> Header(TargetNetwork network)
    {
        var header = new Dictionary<string, object>();
        var end = 0L;
        foreach (var parameter in network.Parameters)
            header[parameter.Name] = new
            {
                dtype = "BF16",
                shape = parameter.Shape,
                data_offsets = new[] { end, end += 2 * parameter.Count },
            };
        return header;
    }
}
