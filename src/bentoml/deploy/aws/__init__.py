"""Deployments on AWS: images in ECR, all else in a stack of CloudFormation; boto3 makes the calls.

Nothing is gathered here: Lambda imports `lambda_handler` at each cold start, and should wait for nothing else.
"""
