using Google.Protobuf;
using Onnx;

namespace MappingNets;

/// <summary>The numbers of a tensor in a model's own file.</summary>
internal static class TensorNumbers
{
    /// <summary>Empties an initialiser of its numbers, in whatever form it has them.</summary>
    public static void ClearNumbers(this TensorProto tensor)
    {
        tensor.FloatData.Clear();
        tensor.DoubleData.Clear();
        tensor.Int32Data.Clear();
        tensor.RawData = ByteString.Empty;
    }
}
