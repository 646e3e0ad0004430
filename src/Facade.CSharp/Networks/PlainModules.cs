using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Modules one after another, like TorchSharp's Sequential, of which some lend their parts no level in the names.</summary>
internal sealed class PlainSequence : nn.Module<Tensor, Tensor>
{
    private readonly List<Func<Tensor, Tensor>> stages = [];
    private readonly List<nn.Module> parts = [];

    public PlainSequence()
        : base("Sequential")
    {
    }

    public void AddNamed(string name, nn.Module<Tensor, Tensor> module)
    {
        register_module(name, module);
        parts.Add(module);
        stages.Add(module.call);
    }

    /// <summary>A module whose children and own parameters are registered here; it finds the children by reference.</summary>
    public void AddTransparent(nn.Module<Tensor, Tensor> module)
    {
        parts.Add(module);
        foreach (var (name, child) in module.ChildrenWithState())
            register_module(name, child);
        if (module is not PlainLayer layer)
        {
            stages.Add(module.call);
            return;
        }

        foreach (var (name, parameter) in layer.named_parameters(recurse: false))
            register_parameter(name, parameter);
        // Asked for at each call: to(device) puts another tensor in its place.
        stages.Add(input => layer.Compute(input, get_parameter));
    }

    // Parts that lend their names are not registered themselves, and a dropout among them must know the mode too.
    public override void train(bool train = true)
    {
        base.train(train);
        foreach (var part in parts)
            part.train(train);
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return stages.Aggregate(input, (value, stage) => stage(value)).LeaveScopeBeside(input);
    }
}

/// <summary>Modules that are joined by more than order, such as a body and its shortcut; their children stand directly in this one.</summary>
internal sealed class PlainJoin : nn.Module<Tensor, Tensor>
{
    private readonly IReadOnlyList<nn.Module<Tensor, Tensor>> parts;
    private readonly Func<Tensor, Tensor> compute;

    public PlainJoin(IReadOnlyList<nn.Module<Tensor, Tensor>> parts, Func<IReadOnlyList<Func<Tensor, Tensor>>, Tensor, Tensor> join)
        : base("Join")
    {
        this.parts = parts;
        foreach (var part in parts)
            foreach (var (name, child) in part.ChildrenWithState())
                register_module(name, child);
        Func<Tensor, Tensor>[] calls = [.. parts.Select(part => (Func<Tensor, Tensor>)part.call)];
        compute = input => join(calls, input);
    }

    // Only children with tensors are registered here, and a dropout has none.
    public override void train(bool train = true)
    {
        base.train(train);
        foreach (var part in parts)
            part.train(train);
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return compute(input).LeaveScopeBeside(input);
    }
}

/// <summary>A layer that TorchSharp has no module for: its function with its weights as parameters.</summary>
internal sealed class PlainLayer : nn.Module<Tensor, Tensor>
{
    private readonly Layer layer;
    private readonly IReadOnlyList<string> names;

    public PlainLayer(Layer layer, IReadOnlyList<string> names, IReadOnlyList<Tensor> weights)
        : base(layer.Kind)
    {
        (this.layer, this.names) = (layer, names);
        foreach (var (name, weight) in names.Zip(weights))
        {
            using var detached = weight.detach();
            register_parameter(name, new Parameter(detached.clone()).DetachFromDisposeScope() as Parameter ?? throw new InvalidCastException());
        }
    }

    public override Tensor forward(Tensor input) => Compute(input, get_parameter);

    public Tensor Compute(Tensor input, Func<string, Parameter?> find) => layer.Forward(input, [.. names.Select(name => find(name)!)]);
}

/// <summary>Which children of a module have names that matter.</summary>
internal static class ModuleChildren
{
    /// <summary>Those with tensors. Two that have none, such as activations, may bear one name in parts that share a level.</summary>
    public static IEnumerable<(string Name, nn.Module Module)> ChildrenWithState(this nn.Module module) =>
        module.named_children().Where(child => child.module.parameters().Any() || child.module.buffers().Any());
}
