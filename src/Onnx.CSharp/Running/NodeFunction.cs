using Google.Protobuf;
using Onnx;

namespace MappingNets;

/// <summary>What a node computes, without what exporters write beside it: the lines of source code that it comes from, and other notes.</summary>
internal static class NodeFunction
{
    private static readonly MessageParser<NodeProto> Parser = NodeProto.Parser.WithDiscardUnknownFields(true);

    /// <summary>Bytes that are the same for nodes of one function and one name.</summary>
    // Notes in fields of newer versions of ONNX are unknown ones here.
    public static byte[] Of(NodeProto node)
    {
        var bare = Parser.ParseFrom(node.ToByteString());
        Strip(bare);
        using var bytes = new MemoryStream();
        // With its length, so that bytes of two nodes in a row are no other two.
        bare.WriteDelimitedTo(bytes);
        return bytes.ToArray();
    }

    private static void Strip(NodeProto node)
    {
        node.DocString = "";
        foreach (var attribute in node.Attribute)
        {
            attribute.DocString = "";
            foreach (var tensor in attribute.Tensors.Append(attribute.T).OfType<TensorProto>())
                tensor.DocString = "";
            foreach (var graph in attribute.Graphs.Append(attribute.G).OfType<GraphProto>())
                Strip(graph);
        }
    }

    private static void Strip(GraphProto graph)
    {
        graph.DocString = "";
        // Shapes that an exporter inferred tell nothing that the nodes do not.
        graph.ValueInfo.Clear();
        foreach (var value in graph.Input.Concat(graph.Output))
            value.DocString = "";
        foreach (var tensor in graph.Initializer)
            tensor.DocString = "";
        foreach (var node in graph.Node)
            Strip(node);
    }
}
