using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace MappingNets.Tests;

/// <summary>
/// A TorchScript file as torch.jit.save lays it out, written byte by byte: a zip archive with a pickle of the module's values, the
/// module's source, and one file of raw numbers for each tensor.
/// </summary>
internal static class TorchScriptArchive
{
    /// <summary>A module with parameters of single precision and a forward function of one tensor.</summary>
    /// <param name="forward">The body's one expression of x and self.</param>
    /// <param name="parameters">The parameters by name.</param>
    public static byte[] Of(string forward, params (string Name, int[] Shape, float[] Values, bool Trained)[] parameters)
    {
        using var buffer = new MemoryStream();
        using (var zip = new ZipArchive(buffer, ZipArchiveMode.Create, leaveOpen: true))
        {
            Write(zip, "data.pkl", Pickle(parameters));
            Write(zip, "code/__torch__.py", Encoding.ASCII.GetBytes(Source(forward, parameters)));
            Write(zip, "constants.pkl", [0x80, 2, (byte)')', (byte)'.']);
            Write(zip, "version", "3\n"u8.ToArray());
            for (var index = 0; index < parameters.Length; index++)
            {
                var bytes = new byte[4 * parameters[index].Values.Length];
                for (var element = 0; element < parameters[index].Values.Length; element++)
                    BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(4 * element), parameters[index].Values[element]);
                Write(zip, $"data/{index}", bytes);
            }
        }

        return buffer.ToArray();
    }

    private static string Source(string forward, (string Name, int[] Shape, float[] Values, bool Trained)[] parameters) =>
        $"""
        class Plain(Module):
          __parameters__ = [{string.Concat(parameters.Select(parameter => $"\"{parameter.Name}\", "))}]
          __buffers__ = []
        {string.Join('\n', parameters.Select(parameter => $"  {parameter.Name} : Tensor"))}
          training : bool
          def forward(self: __torch__.Plain,
            x: Tensor) -> Tensor:
            return {forward}

        """;

    private static void Write(ZipArchive zip, string name, byte[] bytes)
    {
        using var stream = zip.CreateEntry("plain/" + name, CompressionLevel.NoCompression).Open();
        stream.Write(bytes);
    }

    // The pickle machine's instructions: a global, an empty tuple, a new object, its dictionary, and BUILD.
    private static byte[] Pickle((string Name, int[] Shape, float[] Values, bool Trained)[] parameters)
    {
        var pickle = new List<byte> { 0x80, 2 };
        Global("__torch__", "Plain");
        pickle.AddRange([(byte)')', 0x81, (byte)'}', (byte)'(']);
        for (var index = 0; index < parameters.Length; index++)
        {
            var (name, shape, values, trained) = parameters[index];
            Text(name);
            Global("torch._utils", "_rebuild_tensor_v2");
            Code("((");
            Text("storage");
            Global("torch", "FloatStorage");
            Text(index.ToString());
            Text("cpu");
            Number(values.Length);
            Code("tQ");
            Number(0);
            Numbers(shape);
            Numbers(Strides(shape));
            pickle.Add(trained ? (byte)0x88 : (byte)0x89);
            Global("collections", "OrderedDict");
            Code(")RtR");
        }

        Text("training");
        pickle.Add(0x88);
        Code("ub.");
        return [.. pickle];

        void Code(string text) => pickle.AddRange(Encoding.ASCII.GetBytes(text));
        void Global(string module, string name) => Code($"c{module}\n{name}\n");
        void Text(string text)
        {
            pickle.Add((byte)'X');
            var length = new byte[4];
            BinaryPrimitives.WriteInt32LittleEndian(length, text.Length);
            pickle.AddRange(length);
            Code(text);
        }

        void Number(int value)
        {
            pickle.Add((byte)'J');
            var bytes = new byte[4];
            BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
            pickle.AddRange(bytes);
        }

        void Numbers(int[] values)
        {
            Code("(");
            foreach (var value in values)
                Number(value);
            Code("t");
        }
    }

    private static int[] Strides(int[] shape) =>
        [.. shape.Select((_, dimension) => shape.Skip(dimension + 1).Aggregate(1, (product, size) => product * size))];
}
