using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>A graph with weights of its own, as a plain module; its state_dict has the names of the file.</summary>
internal sealed class OnnxModule : nn.Module<Tensor, Tensor>
{
    private readonly OnnxGraph graph;

    public OnnxModule(string name, OnnxGraph graph, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor> buffers)
        : base(name)
    {
        this.graph = graph;
        foreach (var (parameter, weight) in graph.Parameters.Zip(weights))
        {
            using var detached = weight.detach();
            register_parameter(parameter.Name, new Parameter(detached.clone()).DetachFromDisposeScope() as Parameter ?? throw new InvalidCastException());
        }

        foreach (var (buffer, values) in graph.Buffers.Zip(buffers))
        {
            using var detached = values.detach();
            register_buffer(buffer.Name, detached.clone().DetachFromDisposeScope());
        }
    }

    public override Tensor forward(Tensor input) => graph.Run(
        [input],
        [.. graph.Parameters.Select(parameter => get_parameter(parameter.Name)!)],
        [.. graph.Buffers.Select(buffer => get_buffer(buffer.Name)!)],
        training);
}
